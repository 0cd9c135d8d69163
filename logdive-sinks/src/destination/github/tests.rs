use super::{GithubIssues, issue};
use crate::Secret;

#[test]
fn what_cannot_be_sent_safely_is_refused_when_it_is_made() {
    let token = || Secret::new("canary-4f2a");
    for bad in ["acme", "acme/", "/ops", "acme/ops/x", "acme/..", "a b/c", "acme/ops?x"] {
        assert!(GithubIssues::new(bad, token()).is_err(), "{bad}");
    }
    assert!(GithubIssues::new("acme/ops", Secret::new("a\nb")).is_err());
    for bad in [
        "http://ghe.example/api/v3",
        "http://127.0.0.1.example/",
        "ftp://127.0.0.1/",
        "x",
        "https://user:canary@ghe.example/",
        "https://ghe.example/?x",
    ] {
        let error = GithubIssues::new("acme/ops", token()).unwrap().base_url(bad).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    for good in ["https://ghe.example/api/v3", "http://127.0.0.1:8080", "http://[::1]:80/"] {
        let sink = GithubIssues::new("acme/ops", token()).unwrap().base_url(good).unwrap();
        assert!(!format!("{sink:?}").contains("canary"));
    }
}

#[test]
fn targets_are_numbers() {
    assert_eq!(issue("issues/42"), Ok(42));
    assert_eq!(issue("pull/7"), Ok(7));
    for bad in ["", "42", "issues/", "issues/-1", "issues/+1", "issues/1/../2", "issues/4 2"] {
        assert!(issue(bad).is_err(), "{bad}");
    }
}
