//! Verifies an assertion's signature, and reads and checks its claims.

use super::rejection::{AUDIENCE, MAX_ID_BYTES, MAX_LIFETIME_SECONDS, Rejection};
use crate::crypto::seal::SecretKey;
use crate::users::assertions::CLOCK_SKEW_SECONDS;
use crate::users::{email, name};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use sha2::Sha256;
use shared::{FieldErrors, validation};
use std::fmt;

/// Numbers in this range are times in milliseconds. As seconds they are after the year 5000.
const MILLISECONDS: std::ops::Range<i64> = 100_000_000_000..100_000_000_000_000;
/// Characters of an unknown algorithm in the log.
const MAX_ALGORITHM_CHARS: usize = 20;

type Object = Map<String, Value>;

/// The claims of an assertion.
pub struct Claims {
    audiences: Vec<String>,
    /// The user's id here and at CometChat.
    pub sub: String,
    pub email: String,
    pub name: String,
    /// Times in Unix seconds. Fractions are rounded so that the assertion is valid for no longer than it says.
    pub iat: i64,
    pub exp: i64,
    /// Not valid before this time, if given.
    pub nbf: i64,
    /// The assertion's id, which can be used once.
    pub jti: String,
}

/// An assertion with a valid signature. Its claims are not checked.
pub struct Signed {
    /// The position of the key that signed it.
    pub key: usize,
    claims: Object,
}

/// A check of claims at a time.
type Check = fn(&Claims, i64) -> Result<(), Rejection>;

/// The checks by their names for `check --assertion`.
pub const CHECKS: [(&str, Check); 5] = [
    ("audience", check_audience),
    ("times", check_times),
    ("subject", check_subject),
    ("id", check_id),
    ("profile", check_profile),
];

/// Verifies the signature and the claims of an assertion, which one of the keys must have signed.
pub fn verify(keys: &[SecretKey], assertion: &str, now: i64) -> Result<Claims, Rejection> {
    let claims = Signed::verify(keys, assertion)?.claims()?;
    for (_, check) in CHECKS {
        check(&claims, now)?;
    }
    Ok(claims)
}

impl Signed {
    pub fn verify(keys: &[SecretKey], assertion: &str) -> Result<Self, Rejection> {
        let (signed, signature) = assertion.rsplit_once('.').ok_or(Rejection::NotJwt)?;
        let (header, claims) = signed.split_once('.').ok_or(Rejection::NotJwt)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Rejection::NotJwt)?;
        let header = decode(header)?;
        check_algorithm(&header)?;
        let is_signed_with = |key: &[u8]| {
            let mac = Hmac::<Sha256>::new_from_slice(key);
            mac.is_ok_and(|mac| mac.chain_update(signed).verify_slice(&signature).is_ok())
        };
        let Some(key) = keys.iter().position(|key| is_signed_with(key.bytes())) else {
            let is_text = keys.iter().any(|key| {
                let text = zeroize::Zeroizing::new(STANDARD.encode(key.bytes()));
                is_signed_with(text.as_bytes())
            });
            return Err(if is_text { Rejection::KeyNotDecoded } else { Rejection::OtherKey });
        };
        // RFC 7515, 4.1.11: a JWT with an extension that the server does not implement must be rejected.
        if header.contains_key("crit") {
            return Err(Rejection::CriticalExtension);
        }
        Ok(Self { key, claims: decode(claims)? })
    }

    /// Reads the claims.
    pub fn claims(&self) -> Result<Claims, Rejection> {
        let claims = &self.claims;
        if let Some(Value::Number(_)) = claims.get("sub") {
            return Err(Rejection::NumericSubject);
        }
        Ok(Claims {
            audiences: audiences(claims)?,
            sub: text(claims, "sub")?,
            email: text(claims, "email")?,
            name: text(claims, "name")?,
            iat: time(claims, "iat", f64::floor)?,
            exp: time(claims, "exp", f64::floor)?,
            nbf: if claims.contains_key("nbf") { time(claims, "nbf", f64::ceil)? } else { 0 },
            jti: text(claims, "jti")?,
        })
    }
}

fn decode(part: &str) -> Result<Object, Rejection> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::NotJwt)?;
    serde_json::from_slice(&bytes).map(|UniqueNames(object)| object).map_err(|_| Rejection::NotObject)
}

/// A JSON object in which each name occurs once. Of a name that occurs twice, another program may read the other value.
struct UniqueNames(Object);

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = map.next_entry()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(object)
    }
}

fn check_algorithm(header: &Object) -> Result<(), Rejection> {
    match header.get("alg").and_then(Value::as_str) {
        Some("HS256") => Ok(()),
        Some(other) => {
            let start: String = other.chars().take(MAX_ALGORITHM_CHARS).collect();
            Err(Rejection::Algorithm(start.escape_debug().to_string()))
        }
        None => Err(Rejection::Algorithm("missing".into())),
    }
}

fn claim<'a>(claims: &'a Object, name: &'static str) -> Result<&'a Value, Rejection> {
    claims.get(name).ok_or(Rejection::MissingClaim(name))
}

fn text(claims: &Object, name: &'static str) -> Result<String, Rejection> {
    let value = claim(claims, name)?;
    let wrong_type = || Rejection::ClaimType { name, actual: type_of(value), expected: "a text" };
    value.as_str().map(str::to_owned).ok_or_else(wrong_type)
}

/// Reads the services that an assertion is for. Libraries for Go and Java write a list even of one (RFC 7519, 4.1.3).
fn audiences(claims: &Object) -> Result<Vec<String>, Rejection> {
    let value = claim(claims, "aud")?;
    let read = match value {
        Value::String(audience) => Some(vec![audience.clone()]),
        Value::Array(list) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let expected = "a text or a list of texts";
    read.ok_or_else(|| Rejection::ClaimType { name: "aud", actual: type_of(value), expected })
}

/// Reads a time as RFC 7519, 2, defines it: a JSON number, which may have a fraction or an exponent.
fn time(claims: &Object, name: &'static str, round: fn(f64) -> f64) -> Result<i64, Rejection> {
    let value = claim(claims, name)?;
    // The conversion saturates: a time beyond all limits stays beyond them.
    let rounded = || value.as_f64().map(|number| round(number) as i64);
    let wrong_type =
        || Rejection::ClaimType { name, actual: type_of(value), expected: "a number of seconds" };
    value.as_i64().or_else(rounded).ok_or_else(wrong_type)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn check_audience(claims: &Claims, _: i64) -> Result<(), Rejection> {
    let is_meant = claims.audiences.iter().any(|audience| audience == AUDIENCE);
    if is_meant { Ok(()) } else { Err(Rejection::OtherAudience) }
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Rejection> {
    let Claims { iat, exp, nbf, .. } = *claims;
    let times = [("iat", iat), ("exp", exp), ("nbf", nbf)];
    if let Some((name, _)) = times.into_iter().find(|(_, time)| MILLISECONDS.contains(time)) {
        Err(Rejection::Milliseconds(name))
    } else if exp <= now {
        Err(Rejection::Expired { seconds: now.saturating_sub(exp) })
    } else if iat > now + CLOCK_SKEW_SECONDS {
        Err(Rejection::IssuedInFuture { seconds: iat.saturating_sub(now) })
    } else if nbf > now + CLOCK_SKEW_SECONDS {
        Err(Rejection::NotYetValid { seconds: nbf.saturating_sub(now) })
    } else if exp.saturating_sub(iat) > MAX_LIFETIME_SECONDS {
        Err(Rejection::LongLived { seconds: exp.saturating_sub(iat) })
    } else {
        Ok(())
    }
}

fn check_subject(Claims { sub, .. }: &Claims, _: i64) -> Result<(), Rejection> {
    let is_allowed = |c: &char| validation::is_uid(c.encode_utf8(&mut [0; 4]));
    if validation::is_uid(sub) {
        Ok(())
    } else if sub.is_empty() {
        Err(Rejection::EmptySubject)
    } else if let Some(character) = sub.chars().find(|c| !is_allowed(c)) {
        Err(Rejection::SubjectCharacter(character))
    } else {
        Err(Rejection::LongSubject(sub.len()))
    }
}

fn check_id(Claims { jti, .. }: &Claims, _: i64) -> Result<(), Rejection> {
    if (1..=MAX_ID_BYTES).contains(&jti.len()) { Ok(()) } else { Err(Rejection::Id) }
}

fn check_profile(claims: &Claims, _: i64) -> Result<(), Rejection> {
    let mut errors = FieldErrors::new();
    validation::check_email(&claims.email, &mut errors);
    email::check_domain(&claims.email, &mut errors);
    validation::check_name(claims.name.trim(), &mut errors);
    name::check_is_visible(claims.name.trim(), &mut errors);
    if errors.is_empty() {
        return Ok(());
    }
    let sentences: Vec<_> = errors.iter().map(|(field, sentence)| format!("{field}: {sentence}")).collect();
    Err(Rejection::Profile(sentences.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: [u8; 32] = [9; 32];
    const NOW: i64 = 1_800_000_000;

    fn rejection_with(header: &Value, change: (&str, Value), key: &[u8]) -> String {
        let mut claims = json!({"aud": "cometchat-auth", "sub": "ada", "email": "ada@example.com", "name": "Ada",
                                "iat": NOW, "exp": NOW + 60, "jti": "1"});
        claims[change.0] = change.1;
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(&claims));
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&signed).finalize().into_bytes();
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        verify(&[SecretKey::new(KEY)], &assertion, NOW)
            .map(|_| "accepted".to_owned())
            .unwrap_or_else(|it| it.to_string())
    }

    fn rejection(claim: &str, value: Value) -> String {
        rejection_with(&json!({"alg": "HS256"}), (claim, value), &KEY)
    }

    #[test]
    fn rejection_names_the_claim_and_its_type() {
        assert_eq!(
            rejection("sub", json!(7)),
            "the claim sub is a number, and must be a text: String(user.id)"
        );
        assert_eq!(rejection("jti", json!(null)), "the claim jti is null, and must be a text");
        assert_eq!(rejection("iat", json!("1")), "the claim iat is a text, and must be a number of seconds");
        assert_eq!(
            rejection("aud", json!(1)),
            "the claim aud is a number, and must be a text or a list of texts"
        );
        assert!(rejection("sub", json!("Ada")).contains("the character 'A'"));
        assert!(rejection("sub", json!("a".repeat(101))).contains("has 101 characters"));
        assert!(rejection("name", json!(" ")).contains("name: "));
        assert_eq!(rejection("extra", json!(1)), "accepted");
        let missing = verify(&[SecretKey::new(KEY)], "e30.e30.", NOW).err().unwrap().to_string();
        assert!(missing.contains("(alg in the header) is missing"), "{missing}");
        let claims = json!({"aud": AUDIENCE, "sub": "ada"}).as_object().unwrap().clone();
        let missing = Signed { key: 0, claims }.claims().err().unwrap();
        assert_eq!(missing.to_string(), "the claim email is missing");
    }

    #[test]
    fn rejection_tells_direction_and_seconds_of_clock_skew() {
        assert!(rejection("exp", json!(NOW - 35)).contains("expired 35 seconds ago"));
        assert!(rejection("iat", json!(NOW + 45)).contains("issued 45 seconds in the future"));
        assert!(rejection("nbf", json!(NOW + 45)).contains("for another 45 seconds"));
        assert!(rejection("exp", json!(NOW + 3600)).contains("valid for 3600 seconds"));
        for claim in ["iat", "exp", "nbf"] {
            let milliseconds = rejection(claim, json!(NOW * 1000));
            assert!(
                milliseconds.starts_with(&format!("the claim {claim} is in milliseconds")),
                "{milliseconds}"
            );
        }
    }

    #[test]
    fn rejection_tells_wrong_key_from_undecoded_key() {
        let signed_with = |key: &[u8]| rejection_with(&json!({"alg": "HS256"}), ("jti", json!("1")), key);
        assert_eq!(signed_with(&[8; 32]), "it is signed with another key than ASSERTION_KEY");
        assert!(signed_with(STANDARD.encode(KEY).as_bytes()).contains("decode the key before signing"));
        let algorithm = rejection_with(&json!({"alg": "RS256\n\u{9b}"}), ("jti", json!("1")), &KEY);
        assert_eq!(algorithm, "its algorithm (alg in the header) is RS256\\n\\u{9b}, and must be HS256");
    }
}
