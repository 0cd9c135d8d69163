//! Labelled lines made from `corpus/*.txt`: the same on every run.
//!
//! A file of the corpus is a set: its first line is the head that the system writes in front of
//! its messages, each further line a message with parameters in braces. The messages are written
//! for this test after those that the named systems write (LogHub's lists of templates were read for
//! their wording); none of its log lines or labels are in them.

/// A line, what a system writes in front of it, and the number of its true template.
pub(crate) struct Labelled {
    pub(crate) head: String,
    pub(crate) message: String,
    pub(crate) label: usize,
}

macro_rules! sets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("corpus/", $name, ".txt")))),*]
    };
}

/// The sets.
pub(crate) const SETS: &[(&str, &str)] = sets![
    "hdfs",
    "hadoop",
    "spark",
    "zookeeper",
    "openstack",
    "bluegene",
    "openssh",
    "linux",
    "apache",
    "proxifier",
    "phone",
    "android",
    "windows",
    "nginx",
    "mysql",
    "kubernetes",
    "service",
];

/// Makes lines of a set: each template at least once, the first ones most often, as real logs
/// have them.
pub(crate) fn lines(set: &str, count: usize, seed: u64) -> Vec<Labelled> {
    let mut random = Random(seed);
    let mut rows = set.lines();
    let head = rows.next().and_then(|line| line.strip_prefix("header ")).expect("a head");
    let templates: Vec<&str> = rows.filter(|row| !row.is_empty()).collect();
    let weights: Vec<f64> = (0..templates.len()).map(|rank| 1.0 / (rank as f64 + 1.0)).collect();
    let all: f64 = weights.iter().sum();
    let mut lines: Vec<Labelled> = (0..count)
        .map(|at| {
            let label = if at < templates.len() {
                at
            } else {
                let mut left = random.part() * all;
                weights
                    .iter()
                    .position(|weight| {
                        left -= weight;
                        left < 0.0
                    })
                    .unwrap_or(0)
            };
            let glue = if head.ends_with('|') { "" } else { " " };
            Labelled {
                head: fill(head, label, &mut random) + glue,
                message: fill(templates[label], NO_LABEL, &mut random),
                label,
            }
        })
        .collect();
    random.shuffle(&mut lines);
    lines
}

/// Of a message, words are chosen for each line; of a head, by its template: level and component
/// are those of a place in the code.
const NO_LABEL: usize = usize::MAX;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// Fills the parameters of a text. `{{` begins with a brace that is one.
fn fill(text: &str, label: usize, random: &mut Random) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        match behind.split_once('}') {
            Some((kind, behind)) if kind.starts_with("word:") || !kind.contains(['{', ' ']) => {
                out.push_str(&value(kind, label, random));
                rest = behind;
            }
            _ => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out + rest
}

const USERS: &[&str] = &[
    "root",
    "admin",
    "oracle",
    "test",
    "guest",
    "webmaster",
    "cyrus",
    "news",
    "postgres",
    "ftpuser",
    "nagios",
    "fztu",
    "support",
    "ubnt",
    "git",
    "deploy",
    "jenkins",
    "matlab",
    "anna",
    "peter",
];
const NAMES: &[&str] = &[
    "orders",
    "billing",
    "catalog",
    "search",
    "users",
    "inventory",
    "payments",
    "gateway",
    "mailer",
    "reports",
    "sessions",
    "audit",
    "pricing",
    "shipping",
    "cart",
];
const DOMAINS: &[&str] = &[
    "ns.marryaldkfaczcz.com",
    "mail.example.org",
    "play.google.com",
    "www.baidu.com",
    "hn.kd.ny.adsl",
    "cust-static.telecom.net",
    "web.site.example",
    "clients.google.com",
    "update.vendor.io",
    "static.customer.isp.net.br",
    "api.partner.example",
    "proxy.office.example",
];
const PROGRAMS: &[&str] = &[
    "chrome", "update", "index", "main", "worker", "handler", "listener", "monitor", "status",
    "login", "search", "client", "agent", "manager",
];
const WORDS: &[&str] = &[
    "data", "var", "lib", "home", "usr", "share", "config", "cache", "tmp", "images", "static",
    "assets", "export", "pub", "node", "view",
];

#[expect(clippy::panic, reason = "a parameter of the corpus that is misspelt")]
fn value(kind: &str, label: usize, random: &mut Random) -> String {
    let digits = |random: &mut Random, n: usize| {
        (0..n).map(|_| char::from(b'0' + random.below(10) as u8)).collect::<String>()
    };
    let hex = |random: &mut Random, n: usize| {
        (0..n)
            .map(|_| char::from(b"0123456789abcdef"[random.below(16) as usize]))
            .collect::<String>()
    };
    let ip = |random: &mut Random| {
        format!("10.{}.{}.{}", random.below(256), random.below(256), random.below(256))
    };
    let time = |random: &mut Random| {
        let (h, m, s) = (random.below(24), random.below(60), random.below(60));
        format!("{h:02}:{m:02}:{s:02}")
    };
    let mon = |random: &mut Random| random.of(&["Jan", "Feb", "Mar", "Jun", "Jul", "Oct", "Dec"]);
    let path = |random: &mut Random| {
        (0..1 + random.below(4)).map(|_| format!("/{}", random.of(WORDS))).collect::<String>()
    };
    if let Some(words) = kind.strip_prefix("word:") {
        let words: Vec<&str> = words.split('|').collect();
        let chosen = if label == NO_LABEL { random.of(&words) } else { words[label % words.len()] };
        return chosen.to_owned();
    }
    match kind {
        "int" => random.below(10_u64.pow(1 + random.0 as u32 % 7)).to_string(),
        "digit" => random.below(10).to_string(),
        "int2" => (10 + random.below(20)).to_string(),
        "int3" => (100 + random.below(500)).to_string(),
        "int4" => digits(random, 4),
        "ms3" => digits(random, 3),
        "port" => (1024 + random.below(60_000)).to_string(),
        "float" => format!("{}.{}", random.below(4_000), random.below(100)),
        "epoch" => (1_400_000_000 + random.below(100_000_000)).to_string(),
        "yy" => (10 + random.below(15)).to_string(),
        "yyyy" => (2005 + random.below(20)).to_string(),
        "yymmdd" => digits(random, 6),
        "yyyymmdd" => format!("201712{}", 10 + random.below(20)),
        "hhmmss" => digits(random, 6),
        "time" => time(random),
        "mon" => mon(random).to_owned(),
        "ctime" => {
            let day = random.of(&["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
            format!("{day} {} {:02} {} 2005", mon(random), 1 + random.below(28), time(random))
        }
        "iso" => format!("2015-10-{:02} {}", 1 + random.below(28), time(random)),
        "isoz" => {
            format!("2015-10-{:02}T{}.{}Z", 1 + random.below(28), time(random), digits(random, 6))
        }
        "iso-dots" => format!("2005-06-{:02}-15.42.50.{}", 1 + random.below(28), digits(random, 6)),
        "ip" => ip(random),
        "hex" => format!("0x{}", hex(random, 8)),
        "hexid" => format!("{}7{}", hex(random, 11), hex(random, 20)),
        "hexid8" => format!("{}4{}", hex(random, 3), hex(random, 4)),
        "base64" => format!("9{}Xy+{}", hex(random, 12), hex(random, 20)),
        "uuid" => format!(
            "{}-{}-4{}-a{}-{}",
            hex(random, 8),
            hex(random, 4),
            hex(random, 3),
            hex(random, 3),
            hex(random, 12)
        ),
        "blk" => format!("blk_{}{}", random.of(&["", "-"]), digits(random, 18)),
        "user" => random.of(USERS).to_owned(),
        "name" => random.of(NAMES).to_owned(),
        "program" => random.of(PROGRAMS).to_owned(),
        "email" => format!("{}@{}", random.of(USERS), random.of(DOMAINS)),
        "host" => match random.below(3) {
            0 => format!("MININT-{}", hex(random, 6).to_uppercase() + "7"),
            _ => format!("{}-{}.cluster.local", random.of(NAMES), random.below(40)),
        },
        "rhost" => match random.below(3) {
            0 => ip(random),
            1 => random.of(DOMAINS).to_owned(),
            _ => format!("{}-{}.{}", random.below(255), random.below(255), random.of(DOMAINS)),
        },
        "path" => path(random),
        "class" => format!(
            "{}.{}.{}{}",
            random.of(&["com", "org", "android"]),
            random.of(NAMES),
            random.of(WORDS),
            random.of(PROGRAMS)
        ),
        "pod" => format!("{}-{}7-{}x", random.of(NAMES), hex(random, 8), hex(random, 4)),
        "tag" => {
            random.of(&["View Lock", "RILJ_ACK_WL", "*launch*", "AudioMix", "WakeLock:"]).to_owned()
        }
        "list" => {
            let numbers: Vec<String> =
                (0..1 + random.below(6)).map(|_| random.below(900).to_string()).collect();
            numbers.join(", ")
        }
        "parts" => {
            let name = random.of(NAMES);
            let parts: Vec<String> =
                (0..1 + random.below(4)).map(|_| format!("{name}-{}", random.below(30))).collect();
            parts.join(", ")
        }
        "kb" => match random.below(2) {
            0 => String::new(),
            _ => format!(
                " ({}.{} {})",
                random.below(900),
                random.below(100),
                random.of(&["KB", "MB"])
            ),
        },
        "ws" => match random.below(2) {
            0 => "null".to_owned(),
            _ => format!("WorkSource{{{}}}", 10_000 + random.below(300)),
        },
        "life" => match random.below(2) {
            0 => "<1 sec".to_owned(),
            _ => format!("{:02}:{:02}", random.below(60), random.below(60)),
        },
        "more" => (0..random.below(7))
            .map(|_| {
                format!(
                    " ({}) iar 0x{}, dear 0x{}",
                    random.below(9),
                    hex(random, 8),
                    hex(random, 8)
                )
            })
            .collect(),
        kind => panic!("no parameter is called `{kind}`"),
    }
}
