//! The fuzz targets: one function for each parser of untrusted input. It takes the input as bytes and panics if the
//! parser breaks its contract.
//!
//! `make fuzz` calls them with libFuzzer's inputs (`fuzz_targets/`), and `crates/server/tests/fuzz_seeds.rs`, which
//! includes this file, with the seeds.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cometchat_auth::auth::assertion;
use cometchat_auth::cli::{import_file, import_users, user_fields};
use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::client::{IssuedToken, RemoteUser};
use cometchat_auth::cometchat::error::{CometChatError, decode, parse_response};
use cometchat_auth::crypto::seal::SecretKey;
use cometchat_auth::http::extract::json_object::JsonObject;
use cometchat_auth::http::{client_ip, cookie, user_agent};
use cometchat_auth::passwords::legacy::LegacyHash;
use cometchat_auth::passwords::{self, Password, argon2id, verify};
use cometchat_auth::sessions::Lifetime;
use cometchat_auth::throttle::device_cookie::{DeviceBinding, DeviceCookie, DeviceCookieSigner};
use cometchat_auth::throttle::token_bucket;
use cometchat_auth::users::email::email_key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// The key of the seeds.
pub const KEY: [u8; 32] = [7; 32];
/// The time of the seeds, in Unix seconds.
const NOW: i64 = 1_800_000_000;

/// Parses a `Cookie` header. The server accepts a session or device cookie only in the exact form that it issues.
pub fn cookie(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let request = TestRequest::default().insert_header((header::COOKIE, value)).to_http_request();
    let Ok(url) = url::Url::parse("http://localhost") else { return };
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

/// Parses `X-Forwarded-For` lines from a trusted proxy, and a `User-Agent`. The client address is the proxy's or one that
/// the header has, and the description of a user agent has at most 40 characters.
pub fn headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static("x-forwarded-for"), value);
        }
    }
    let Ok(proxy) = "10.0.0.1".parse::<IpAddr>() else { return };
    let trusted = ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|network| network.parse().ok()).collect();
    let client = client_ip::Proxies::new(trusted, Clock::manual(0)).client_of(Some(proxy), &headers);
    let text = String::from_utf8_lossy(bytes);
    let names_client = |entry: &str| {
        let address = entry.trim().trim_matches('"').trim_start_matches('[');
        let address = address.split(['%', ']']).next().unwrap_or_default();
        // With a port, if it is an IPv4 address.
        let mut forms = [Some(address), address.split(':').next()].into_iter().flatten();
        forms.any(|form| form.parse::<IpAddr>().is_ok_and(|address| address.to_canonical() == client))
    };
    assert!(client == proxy || text.split(['\n', ',']).any(names_client));
    assert_eq!(client, client.to_canonical());
    assert!(token_bucket::network(client).contains(&client));
    let untrusted = client_ip::Proxies::new(Vec::new(), Clock::manual(0)).client_of(Some(proxy), &headers);
    assert_eq!(untrusted, proxy, "the header of an untrusted proxy is ignored");

    let description = user_agent::describe(&text);
    assert!(!description.is_empty() && description.chars().count() <= 40);
}

/// Parses a stored password hash of the server or of another system. A hash that the server accepts has a bounded cost
/// and can be verified. An exported hash is rewritten once, into such a hash.
pub fn password_hash(bytes: &[u8]) {
    let Ok(stored) = str::from_utf8(bytes) else { return };
    if let Ok(imported) = passwords::to_stored_form(stored) {
        assert_eq!(passwords::to_stored_form(&imported).as_ref(), Ok(&imported));
        assert!(passwords::scheme(&imported).is_some());
    }
    let Some(scheme) = passwords::scheme(stored) else {
        assert_eq!(verify::matches(&mut argon2id::Memory::default(), stored, b"password"), Ok(false));
        return;
    };
    assert!(stored.contains(&scheme) || scheme == "bcrypt");
    // Verify only cheap hashes, because the target is the parser.
    let is_quick = match (argon2id::parse(stored), LegacyHash::parse(stored)) {
        (Ok((argon2, _, _)), Err(_)) => {
            let params = argon2.params();
            assert!(params.m_cost() <= 256 * 1024 && params.t_cost() <= 16);
            params.m_cost() <= 64 && params.t_cost() <= 2
        }
        (Err(_), Ok(LegacyHash::Bcrypt { cost, .. })) => cost == 4,
        (Err(_), Ok(LegacyHash::Scrypt { params, .. })) => {
            let memory = (128 * u128::from(params.r())) << params.log_n();
            assert!(memory <= 256 * 1024 * 1024 && params.p() <= 16);
            memory <= 64 * 1024 && params.p() <= 2
        }
        (Err(_), Ok(LegacyHash::Pbkdf2 { rounds, .. })) => {
            assert!(rounds <= 5_000_000);
            rounds <= 100
        }
        _ => unreachable!("a hash has exactly one format"),
    };
    if is_quick {
        assert!(verify::matches(&mut argon2id::Memory::default(), stored, b"password").is_ok(), "{scheme}");
    }
}

/// Parses a file of users to import: a JSON array, JSON lines or CSV. Without an error every user is
/// valid, and no error message has a control character that could forge output on the operator's terminal.
pub fn import(bytes: &[u8]) {
    let lines = match import_file::read(bytes) {
        Ok(lines) => lines,
        Err(error) => return assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    };
    assert!(!lines.is_empty());
    let (users, errors) = import_users::validate(lines, import_users::ExistingUsers::default());
    assert!(!errors.iter().any(|error| error.chars().any(char::is_control)), "{errors:?}");
    if errors.is_empty() {
        let ids: BTreeSet<&str> = users.iter().map(|(user, _)| user.id.as_str()).collect();
        let emails: BTreeSet<String> = users.iter().map(|(user, _)| email_key(&user.email)).collect();
        assert_eq!((ids.len(), emails.len()), (users.len(), users.len()));
        for (user, hash) in &users {
            assert!(user_fields::check(user).is_empty());
            assert!(hash.as_deref().is_none_or(|hash| passwords::scheme(hash).is_some()));
        }
    }
}

/// Parses a response of CometChat: three digits of the status, then the body. A success has a 2xx status, and the message
/// of an error is a single line of less than 500 bytes.
pub fn cometchat_response(bytes: &[u8]) {
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
            let message = error.to_string();
            assert!(message.len() < 500 && !message.chars().any(char::is_control), "{message}");
        }
    }
}

/// Parses a body as each request and each response of the API. An accepted body is a JSON object that survives
/// serialization and parsing, and its validation does not panic.
pub fn dto(bytes: &[u8]) {
    fn request<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
        let read = serde_json::from_slice::<JsonObject<T>>(bytes).ok()?;
        assert!(bytes.trim_ascii_start().starts_with(b"{"));
        let written = serde_json::to_vec(&*read).ok();
        let again = serde_json::from_slice::<T>(written.as_deref().unwrap_or_default()).ok()?;
        assert_eq!(serde_json::to_vec(&again).ok(), written);
        Some(again)
    }
    fn response<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        let Ok(read) = serde_json::from_slice::<T>(bytes) else { return };
        let written = serde_json::to_vec(&read).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<T>(&written).ok(), Some(read));
    }
    if let Some(login) = request::<shared::LoginRequest>(bytes) {
        let is_valid = login.validate().is_empty();
        assert!(!is_valid || !email_key(&login.email).is_empty());
    }
    if let Some(register) = request::<shared::RegisterRequest>(bytes)
        && register.validate(15).is_empty()
    {
        // The normalized password that is hashed may have fewer code points than the input.
        let _ = Password::new(register.password.expose()).check_length(15);
    }
    request::<shared::UpdateAccountRequest>(bytes).map(|rename| rename.validate());
    request::<shared::ChangePasswordRequest>(bytes).map(|password| password.validate(15));
    request::<shared::DeleteAccountRequest>(bytes).map(|delete| delete.validate());
    request::<shared::ChatTokenRequest>(bytes);
    request::<shared::AssertionRequest>(bytes);
    response::<shared::LoginResponse>(bytes);
    response::<shared::UserResponse>(bytes);
    response::<shared::SessionsResponse>(bytes);
    response::<shared::ChatTokenResponse>(bytes);
    response::<shared::ClientConfig>(bytes);
    response::<shared::ApiError>(bytes);
}

/// Parses an assertion, and the two lines of the input as header and claims of a correctly signed assertion. An accepted
/// assertion is within all limits, and is rejected with another key and after its expiry.
pub fn assertion(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let keys = [SecretKey::new(KEY)];
    let _ = assertion::verify(&keys, text, NOW);
    let (header, claims) = text.split_once('\n').unwrap_or(("{\"alg\":\"HS256\"}", text));
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&KEY) else { return };
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
    if let Ok(claims) = assertion::verify(&keys, &assertion, NOW) {
        assert!(shared::validation::is_uid(&claims.sub));
        assert!(
            claims.exp > NOW
                && claims.exp - claims.iat <= 120
                && claims.iat <= NOW + 30
                && claims.nbf <= NOW + 30
        );
        assert!(assertion::verify(&[SecretKey::new([8; 32])], &assertion, NOW).is_err());
        assert!(assertion::verify(&keys, &assertion, claims.exp).is_err());
    }
}
