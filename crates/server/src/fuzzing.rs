//! Every parser that meets bytes from outside, as a function of bytes that fails where the parser breaks its word.
//!
//! `make fuzz` feeds them with whatever libFuzzer thinks of (`fuzz/`), and the test below with the seeds that it
//! starts from. This is the one way in for the fuzzer, so that the parsers themselves can stay private; it is in no
//! build that is deployed.

use crate::auth::assertion;
use crate::cli::{import_users, users};
use crate::cometchat::client::{IssuedToken, RemoteUser};
use crate::cometchat::error::{CometChatError, decode, parse_response};
use crate::crypto::seal::SecretKey;
use crate::http::extract::json_object::JsonObject;
use crate::http::{client_ip, cookie, user_agent};
use crate::passwords::legacy::LegacyHash;
use crate::passwords::{self, Password, argon2id};
use crate::sessions::Lifetime;
use crate::throttle::{
    self, device_cookie::DeviceBinding, device_cookie::DeviceCookie, device_cookie::DeviceCookieSigner,
};
use crate::users::email::email_key;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// A key that whoever writes a seed can know.
const KEY: [u8; 32] = [7; 32];
/// When a handed-over user is looked at, in Unix seconds.
const NOW: i64 = 1_800_000_000;

/// A `Cookie` header. What is taken for ours is what we gave out, to the letter.
pub fn cookie(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let request = TestRequest::default().insert_header((header::COOKIE, value)).to_http_request();
    let Ok(url) = url::Url::parse("http://localhost:3000") else { return };
    let policy = cookie::CookiePolicy::new(&url, Lifetime { idle: 60, max: 60 });
    if let Some(token) = policy.token_of(&request) {
        assert_eq!(token.expose().len(), 43);
        assert!(policy.session_cookie(&token).to_string().contains(token.expose()));
    }
    if let Some(text) = policy.device_of(&request) {
        let devices = DeviceCookieSigner::new(&SecretKey::new(KEY), &[]);
        let ada = DeviceBinding { user_id: "ada", password_version: 1 };
        if let Some(claim) = DeviceCookie::read(&text)
            && devices.verify(&claim, ada)
        {
            assert!(!devices.verify(&claim, DeviceBinding { user_id: "eve", ..ada }));
            assert_eq!(devices.issue(ada, Some(claim.device)), text);
        }
    }
}

/// Lines of `X-Forwarded-For` from a proxy that is trusted, and a `User-Agent`. Who is found is the proxy itself or
/// somebody whom the header names, and a device has words of a bounded length.
pub fn headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static("x-forwarded-for"), value);
        }
    }
    let Ok(proxy) = "10.0.0.1".parse::<IpAddr>() else { return };
    let trusted = ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|network| network.parse().ok()).collect();
    let client = client_ip::Proxies(trusted).client_of(Some(proxy), &headers);
    let text = String::from_utf8_lossy(bytes);
    let mut named = text.split(['\n', ',']).filter_map(|entry| entry.trim().parse::<IpAddr>().ok());
    assert!(client == proxy || named.any(|address| address.to_canonical() == client));
    assert_eq!(client, client.to_canonical());
    assert!(throttle::token_bucket::network(client).contains(&client));
    let nobody = client_ip::Proxies(Vec::new()).client_of(Some(proxy), &headers);
    assert_eq!(nobody, proxy, "without a trusted proxy the header is not believed");

    let words = user_agent::describe(&text);
    assert!(!words.is_empty() && words.chars().count() <= 40);
}

/// A stored hash, ours or another system's. What is read is bounded in what it costs, and can be checked.
pub fn password_hash(bytes: &[u8]) {
    let Ok(stored) = str::from_utf8(bytes) else { return };
    let Some(scheme) = passwords::scheme(stored) else {
        assert_eq!(argon2id::matches(&mut argon2id::Memory::default(), stored, b"password"), None);
        return;
    };
    assert!(stored.contains(&scheme) || scheme == "bcrypt");
    // Checked for real where that is quick: the fuzzer is after the parser.
    let is_quick = match (argon2id::parse(stored), LegacyHash::parse(stored)) {
        (Some((argon2, _, _)), None) => {
            let params = argon2.params();
            assert!(params.m_cost() <= 256 * 1024 && params.t_cost() <= 16);
            params.m_cost() <= 64 && params.t_cost() <= 2
        }
        (None, Some(LegacyHash::Bcrypt(text))) => text.get(4..6) == Some("04"),
        (None, Some(LegacyHash::Scrypt { params, .. })) => {
            let memory = (128 * u128::from(params.r())) << params.log_n();
            assert!(memory <= 256 * 1024 * 1024 && params.p() <= 16);
            memory <= 64 * 1024 && params.p() <= 2
        }
        (None, Some(LegacyHash::Pbkdf2 { rounds, .. })) => {
            assert!(rounds <= 5_000_000);
            rounds <= 100
        }
        _ => unreachable!("a hash is of one kind"),
    };
    if is_quick {
        assert!(
            argon2id::matches(&mut argon2id::Memory::default(), stored, b"password").is_some(),
            "{scheme}"
        );
    }
}

/// A file of users to import, CSV or, after a first byte of `{`, JSON lines. Without a fault every user may be stored;
/// and no fault writes more than its own line on an operator's screen.
pub fn import(bytes: &[u8]) {
    let Ok(lines) = import_users::lines(bytes, bytes.starts_with(b"{")) else { return };
    let (users, errors) = import_users::validate(lines, import_users::ExistingUsers::default());
    assert!(!errors.iter().any(|fault| fault.chars().any(char::is_control)), "{errors:?}");
    if errors.is_empty() {
        let ids: BTreeSet<&str> = users.iter().map(|(user, _)| user.id.as_str()).collect();
        let emails: BTreeSet<String> = users.iter().map(|(user, _)| email_key(&user.email)).collect();
        assert_eq!((ids.len(), emails.len()), (users.len(), users.len()));
        for (user, hash) in &users {
            assert!(users::validate(user).is_empty());
            assert!(hash.as_deref().is_none_or(|hash| passwords::scheme(hash).is_some()));
        }
    }
}

/// An answer of CometChat: three digits of its status, then its body. What is taken for a success is one, and what is
/// said of a failure fits into a line of the log.
pub fn cometchat_answer(bytes: &[u8]) {
    let Some((status, body)) = bytes.split_first_chunk::<3>() else { return };
    let Ok(status) = reqwest::StatusCode::from_bytes(status) else { return };
    match parse_response(status, Some(Duration::from_secs(7)), body) {
        Ok(data) => {
            assert!(status.is_success());
            let shapes = [
                decode::<IssuedToken>(data.clone()).err(),
                decode::<Vec<IssuedToken>>(data.clone()).err(),
                decode::<Vec<RemoteUser>>(data).err(),
            ];
            for error in shapes.into_iter().flatten() {
                assert!(matches!(error, CometChatError::UnknownOutcome(_)));
            }
        }
        Err(error) => {
            let words = error.to_string();
            assert!(words.len() < 500 && !words.chars().any(char::is_control), "{words}");
        }
    }
}

/// A body, taken for each request and each answer of our API. What is read is an object, and is the same after it was
/// written and read once more; and whether its fields may be used is said without fail.
pub fn dto(bytes: &[u8]) {
    fn request<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
        let read = serde_json::from_slice::<JsonObject<T>>(bytes).ok()?;
        assert!(bytes.trim_ascii_start().starts_with(b"{"));
        let written = serde_json::to_vec(&*read).ok();
        let again = serde_json::from_slice::<T>(written.as_deref().unwrap_or_default()).ok()?;
        assert_eq!(serde_json::to_vec(&again).ok(), written);
        Some(again)
    }
    fn answer<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        let Ok(read) = serde_json::from_slice::<T>(bytes) else { return };
        let written = serde_json::to_vec(&read).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<T>(&written).ok(), Some(read));
    }
    if let Some(login) = request::<shared::LoginRequest>(bytes) {
        let is_whole = login.validate().is_empty();
        assert!(!is_whole || !email_key(&login.email).is_empty());
    }
    if let Some(register) = request::<shared::RegisterRequest>(bytes)
        && register.validate(15).is_empty()
    {
        // As it is hashed it may have fewer code points than as it was typed.
        let _ = Password::new(register.password.expose()).check_length(15);
    }
    request::<shared::UpdateAccountRequest>(bytes).map(|rename| rename.validate());
    request::<shared::ChangePasswordRequest>(bytes).map(|password| password.validate(15));
    request::<shared::DeleteAccountRequest>(bytes).map(|delete| delete.validate());
    request::<shared::ChatTokenRequest>(bytes);
    request::<shared::AssertionRequest>(bytes);
    answer::<shared::LoginResponse>(bytes);
    answer::<shared::UserResponse>(bytes);
    answer::<shared::SessionsResponse>(bytes);
    answer::<shared::ChatTokenResponse>(bytes);
    answer::<shared::ClientConfig>(bytes);
    answer::<shared::ApiError>(bytes);
}

/// An assertion: as it is, and its two lines as the header and the claims of one that is signed with our key. What is
/// believed is within every bound, and is not believed when another key has signed it.
pub fn assertion(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let key = SecretKey::new(KEY);
    let _ = assertion::verify(&key, text, NOW);
    let (header, claims) = text.split_once('\n').unwrap_or(("{\"alg\":\"HS256\"}", text));
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.bytes()) else { return };
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
    if let Ok(claims) = assertion::verify(&key, &assertion, NOW) {
        assert!(shared::validation::is_uid(&claims.sub));
        assert!(
            claims.exp > NOW
                && claims.exp - claims.iat <= 120
                && claims.iat <= NOW + 30
                && claims.nbf <= NOW + 30
        );
        assert!(assertion::verify(&SecretKey::new([8; 32]), &assertion, NOW).is_err());
        assert!(assertion::verify(&key, &assertion, claims.exp).is_err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 7] = [
        ("cookie", cookie),
        ("headers", headers),
        ("password_hash", password_hash),
        ("import", import),
        ("cometchat_answer", cometchat_answer),
        ("dto", dto),
        ("assertion", assertion),
    ];

    #[test]
    fn fuzz_seed_with_device_cookie_is_trusted() {
        let seed = include_str!("../../../fuzz/seeds/cookie/both");
        let claim = DeviceCookie::read(seed.rsplit_once('=').unwrap().1).unwrap();
        let ada = DeviceBinding { user_id: "ada", password_version: 1 };
        assert!(DeviceCookieSigner::new(&SecretKey::new(KEY), &[]).verify(&claim, ada));
    }

    #[test]
    fn fuzz_seeds_pass_their_targets() {
        for (name, target) in TARGETS {
            let folder = format!("{}/../../fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
            let seeds: Vec<_> =
                fs::read_dir(&folder).expect(&folder).map(|seed| seed.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "{folder} is empty");
            for seed in seeds {
                target(&fs::read(seed).unwrap());
            }
        }
    }
}
