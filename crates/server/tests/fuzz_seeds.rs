//! Runs each fuzz target of `fuzz/` on its seeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::throttle::device_cookie::{DeviceBinding, DeviceCookie, DeviceCookieSigner};
use std::fs;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 7] = [
    ("cookie", targets::cookie),
    ("headers", targets::headers),
    ("password_hash", targets::password_hash),
    ("import", targets::import),
    ("cometchat_response", targets::cometchat_response),
    ("dto", targets::dto),
    ("assertion", targets::assertion),
];

#[test]
fn fuzz_seed_with_device_cookie_is_trusted() {
    let seed = include_str!("../../../fuzz/seeds/cookie/both");
    let cookie = DeviceCookie::read(seed.rsplit_once('=').unwrap().1).unwrap();
    let ada = DeviceBinding { user_id: "ada", password_version: 1 };
    assert!(DeviceCookieSigner::new(&SecretKey::new(targets::KEY), &[]).verify(&cookie, ada));
}

#[test]
fn fuzz_seeds_pass_their_targets() {
    for (name, target) in TARGETS {
        let folder = format!("{}/../../fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let seeds: Vec<_> = fs::read_dir(&folder).expect(&folder).map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "{folder} is empty");
        for seed in seeds {
            target(&fs::read(seed).unwrap());
        }
    }
}
