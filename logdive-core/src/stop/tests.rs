use std::fs;

use super::{PermitRefused, PermitRequest, StopLatch};
use crate::{Actor, Scope};

fn at() -> chrono::DateTime<chrono::Utc> {
    "2023-07-10T12:00:00Z".parse().unwrap()
}

fn ana() -> Actor {
    Actor::person("ana", "cli")
}

fn request(by: Actor, epoch: u64) -> PermitRequest {
    PermitRequest {
        holder: "disable_key".into(),
        scopes: vec![Scope::Service("ssm".into())],
        by,
        epoch,
    }
}

#[test]
fn nothing_automatic_begins_after_a_stop() {
    let latch = StopLatch::in_memory();
    let held = latch.permit(request(Actor::Automation, 0)).unwrap();
    let receipt = latch.stop(Scope::Global, ana(), at(), "").unwrap();
    assert_eq!(receipt.in_flight.len(), 1);
    assert!(receipt.in_flight[0].revoked);
    assert!(!held.is_valid());
    let refused = latch.permit(request(Actor::Automation, receipt.epoch)).unwrap_err();
    assert!(matches!(refused, PermitRefused::Stopped(_)));
    let person = latch.permit(request(ana(), 0)).unwrap();
    assert!(person.is_valid(), "what a named person starts still works");
}

#[test]
fn a_reset_does_not_revive_old_decisions() {
    let latch = StopLatch::in_memory();
    latch.stop(Scope::Global, ana(), at(), "").unwrap();
    assert!(latch.reset(&Scope::Global, &Actor::Automation, at()).is_err());
    let epoch = latch.reset(&Scope::Global, &ana(), at()).unwrap();
    let refused = latch.permit(request(Actor::Automation, 0)).unwrap_err();
    assert_eq!(refused, PermitRefused::Epoch { decided: 0, now: epoch });
    assert!(latch.permit(request(Actor::Automation, epoch)).is_ok());
}

#[test]
fn a_scope_stops_only_itself() {
    let latch = StopLatch::in_memory();
    latch.stop(Scope::Service("kms".into()), ana(), at(), "").unwrap();
    assert!(latch.stopped(&[Scope::Service("ssm".into())]).is_none());
    assert!(latch.stopped(&[Scope::Service("kms".into())]).is_some());
}

#[test]
fn a_stop_reaches_other_processes_and_survives_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop");
    let here = StopLatch::file(&path).unwrap();
    let there = StopLatch::file(&path).unwrap();
    there.stop(Scope::Global, ana(), at(), "drill").unwrap();
    assert!(here.stopped(&[]).unwrap().contains("drill"));
    assert!(here.permit(request(Actor::Automation, here.epoch())).is_err());
    drop((here, there));
    let again = StopLatch::file(&path).unwrap();
    assert!(again.stopped(&[]).is_some());
    again.reset(&Scope::Global, &ana(), at()).unwrap();
    assert!(StopLatch::file(&path).unwrap().stopped(&[]).is_none());
}

#[test]
fn a_file_cut_or_changed_anywhere_is_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop");
    StopLatch::file(&path).unwrap().stop(Scope::Rule("r".into()), ana(), at(), "x").unwrap();
    let good = fs::read(&path).unwrap();
    let meaningful = String::from_utf8(good.clone()).unwrap().trim_end().len();
    for cut in 0..meaningful {
        fs::write(&path, &good[..cut]).unwrap();
        let latch = StopLatch::file(&path).unwrap();
        assert!(latch.stopped(&[]).is_some(), "cut at {cut}");
    }
    for flip in 0..meaningful {
        let mut bad = good.clone();
        bad[flip] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(StopLatch::file(&path).unwrap().stopped(&[]).is_some(), "flip at {flip}");
    }
    fs::write(&path, b"").unwrap();
    let latch = StopLatch::file(&path).unwrap();
    assert!(latch.stopped(&[]).is_some(), "an empty file is damaged");
    latch.reset(&Scope::Global, &ana(), at()).unwrap();
    assert!(latch.stopped(&[]).is_none(), "a person makes it good again");
}

#[test]
fn more_stops_than_fit_stop_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop");
    let latch = StopLatch::file(&path).unwrap();
    for n in 0..80 {
        latch.stop(Scope::Target(format!("host-{n}")), ana(), at(), "x".repeat(100)).unwrap();
    }
    assert!(StopLatch::file(&path).unwrap().stopped(&[]).is_some());
}
