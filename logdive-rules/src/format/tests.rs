use super::format;
use crate::RuleSet;

const ROUGH: &str = r#"# All about quotas.
schema  kms v3{ticket.severity:int 1 .. 5 # of the ticket
  # What was throttled.

  evidence errors:rows{code:text,at:time}
  fact throttled=count( errors where code=="ThrottlingException" within 15m before started)
  ticket.ports : set of int at "/a" or else { } }
decisions{quota,
   human} default human "no rule applies"
cover when throttled>=50 never automatic when ticket.severity==1

never automatic when ticket.severity in { 1,2 }
# The first rule.
rule "own quota" v2 mode automatic cap 20 per 1h{ when throttled>=50&&!(ticket.severity==1) and any ticket.ports not in { 22, 80, 443 } and ticket.severity != 5 unless ticket.severity in{ } decide quota because "{throttled} throttles"
do reply ( text : "{throttled}" ) ;disable_key(n:throttled) # both

# at the end
}
# behind all
"#;

const SMOOTH: &str = r#"# All about quotas.
schema kms v3 {
  ticket.severity : int 1..5  # of the ticket
  # What was throttled.

  evidence errors : rows { code: text, at: time }
  fact throttled = count(errors where code == "ThrottlingException" within 15m before started)
  ticket.ports : set of int at "/a" or else {}
}

decisions { quota, human }

default human "no rule applies"

cover when throttled >= 50
never automatic when ticket.severity == 1

never automatic when ticket.severity in {1, 2}

# The first rule.
rule "own quota" v2 mode automatic cap 20 per 1h {
  when   throttled >= 50
    and not (ticket.severity == 1)
    and any ticket.ports not in {22, 80, 443}
    and ticket.severity != 5
  unless ticket.severity in {}
  decide quota because "{throttled} throttles"
  do     reply(text: "{throttled}"); disable_key(n: throttled)  # both

# at the end
}
# behind all
"#;

#[test]
fn a_file_is_laid_out() {
    assert_eq!(format(ROUGH).unwrap(), SMOOTH);
    assert_eq!(format(SMOOTH).unwrap(), SMOOTH);
    let digest = |text| RuleSet::parse(text).unwrap().digest();
    assert_eq!(digest(ROUGH), digest(SMOOTH));
}

#[test]
fn what_cannot_be_read_is_not_touched() {
    assert_eq!(format("schema s v1 {").unwrap_err().diagnostics()[0].code, "R002");
}
