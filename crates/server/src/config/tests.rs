use super::cometchat::EMULATOR_API_KEY;
use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::os::unix::fs::PermissionsExt as _;

const GOOD: &[(&str, &str)] = &[
    ("COMETCHAT_APP_ID", "abc123"),
    ("COMETCHAT_REGION", "eu"),
    ("COMETCHAT_API_KEY", "a-key-of-yours"),
    ("SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
];

fn read(changes: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let pairs: Vec<_> = GOOD.iter().chain(changes).copied().collect();
    Config::read(&Sources::of(&pairs)).map_err(|errors| errors.0)
}

/// Returns the errors of a configuration with these changes.
fn errors(changes: &[(&str, &str)]) -> Vec<String> {
    read(changes).unwrap_err()
}

#[test]
fn config_with_required_settings_uses_defaults() {
    let config = read(&[]).unwrap();
    assert_eq!(config.cometchat.endpoint.base.as_str(), "https://abc123.api-eu.cometchat.io/v3");
    assert_eq!(config.listen, "127.0.0.1:3000".parse().unwrap());
    assert_eq!((config.lifetime.idle, config.lifetime.max), (7 * 86_400, 30 * 86_400));
    assert_eq!((config.core.argon2.m_cost(), config.core.argon2.t_cost()), (19_456, 2));
    assert_eq!(config.cometchat.emulator, None);
}

#[test]
fn config_reports_all_invalid_settings_at_once() {
    let errors = errors(&[
        ("COMETCHAT_REGION", "mars"),
        ("COMETCHAT_API_KEY", ""),
        ("LISTEN", "here"),
        ("PUBLIC_URL", "ftp://example.com"),
        ("ARGON2_MEMORY_KIB", "1"),
        ("REGISTRATION", "no"),
        ("PASSWORD_MIN_LENGTH", "seven"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("ALLOWED_ORIGINS", "https://a.example/path"),
        ("SECRET_KEY", "c2hvcnQ="),
        ("SECRET_KEY_FALLBACKS", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,c2hvcnQ="),
    ]);
    for name in [
        "COMETCHAT_REGION",
        "COMETCHAT_API_KEY",
        "LISTEN",
        "PUBLIC_URL",
        "ARGON2_MEMORY_KIB",
        "REGISTRATION",
        "PASSWORD_MIN_LENGTH",
        "TRUSTED_PROXIES",
        "ALLOWED_ORIGINS",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
    ] {
        assert_eq!(
            errors.iter().filter(|error| error.starts_with(&format!("{name}: "))).count(),
            1,
            "{name}: {errors:#?}"
        );
    }
    assert_eq!(errors.len(), 11, "{errors:#?}");
}

#[test]
fn unknown_setting_is_rejected_with_suggestion() {
    assert_eq!(
        errors(&[("COMETCHAT_APPID", "x")]),
        ["COMETCHAT_APPID: unknown setting; did you mean COMETCHAT_APP_ID?"]
    );
    assert_eq!(
        errors(&[("DATABASE_URI", "x")]),
        ["DATABASE_URI: unknown setting; did you mean DATABASE_URL?"]
    );
    assert_eq!(errors(&[("COMETCHAT_COLOUR", "x")]), ["COMETCHAT_COLOUR: unknown setting"]);
    assert!(
        read(&[("PATH", "x"), ("HOME", "x"), ("LANG", "x")]).is_ok(),
        "variables of other programs are ignored"
    );
}

#[test]
fn service_links_are_ignored_beside_a_misspelt_setting() {
    let links = [
        ("COMETCHAT_AUTH_SERVICE_HOST", "10.43.17.4"),
        ("COMETCHAT_AUTH_SERVICE_PORT", "3000"),
        ("COMETCHAT_AUTH_SERVICE_PORT_HTTP", "3000"),
        ("COMETCHAT_AUTH_PORT", "tcp://10.43.17.4:3000"),
        ("COMETCHAT_AUTH_PORT_3000_TCP", "tcp://10.43.17.4:3000"),
        ("COMETCHAT_AUTH_PORT_3000_TCP_PROTO", "tcp"),
        ("COMETCHAT_AUTH_PORT_3000_TCP_PORT", "3000"),
        ("COMETCHAT_AUTH_PORT_3000_TCP_ADDR", "10.43.17.4"),
        ("COMETCHAT_NAME", "/server/cometchat"),
        ("COMETCHAT_ENV_VERSION", "1"),
    ];
    read(&links).unwrap();
    let misspelt = [("COMETCHAT_AUTH_PORT", "3000"), ("COMETCHAT_REGON", "eu")];
    assert_eq!(
        errors(&[&links[..], &misspelt].concat()),
        [
            "COMETCHAT_AUTH_PORT: unknown setting",
            "COMETCHAT_REGON: unknown setting; did you mean COMETCHAT_REGION?"
        ]
    );
}

#[test]
fn renamed_setting_error_names_the_new_setting() {
    assert_eq!(errors(&[("HANDOVER_KEY", "x")]), ["HANDOVER_KEY: setting was renamed to ASSERTION_KEY"]);
    assert_eq!(
        errors(&[("HANDOVER_KEY_FILE", "x")]),
        ["HANDOVER_KEY_FILE: setting was renamed to ASSERTION_KEY_FILE"]
    );
    assert_eq!(
        errors(&[("HASH_THREADS", "2")]),
        ["HASH_THREADS: setting was renamed to PASSWORD_HASH_THREADS"]
    );
}

#[test]
fn ipv4_mapped_proxy_is_a_network_of_ipv4() {
    let list = "::ffff:10.0.0.1, ::ffff:10.1.0.0/112, ::ffff:a00:2, 10.2.0.0/16, ::1, fd00::/8, ::/1";
    let proxies = read(&[("TRUSTED_PROXIES", list)]).unwrap().trusted_proxies;
    let proxies: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    let expected =
        ["10.0.0.1/32", "10.1.0.0/16", "10.0.0.2/32", "10.2.0.0/16", "::1/128", "fd00::/8", "::/1"];
    assert_eq!(proxies, expected);
}

#[test]
fn number_bounds_come_from_the_settings_table() {
    for setting in settings() {
        let settings::Kind::Number { min, max } = setting.kind else { continue };
        for (number, is_within) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            let text = number.to_string();
            let message = format!("{}: {number} is not between {min} and {max}", setting.name);
            let errors = read(&[(setting.name, &text)]).err().unwrap_or_default();
            assert_eq!(!errors.contains(&message), is_within, "{}={number}: {errors:?}", setting.name);
        }
    }
}

#[test]
fn secret_is_read_from_file_unless_also_inline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "from-the-file\n").unwrap();
    let file = file.to_str().unwrap();
    let config = read(&[("COMETCHAT_API_KEY", ""), ("COMETCHAT_API_KEY_FILE", file)]).unwrap();
    assert_eq!(config.cometchat.endpoint.api_key.expose(), "from-the-file");
    assert!(errors(&[("COMETCHAT_API_KEY_FILE", file)])[0].contains("COMETCHAT_API_KEY_FILE"));
    let missing = errors(&[("COMETCHAT_API_KEY", ""), ("COMETCHAT_API_KEY_FILE", "/nowhere/key")]);
    assert!(missing[0].starts_with("COMETCHAT_API_KEY_FILE: cannot read /nowhere/key"), "{missing:?}");
}

#[test]
fn public_url_allows_only_a_plain_path() {
    let base = |url| read(&[("PUBLIC_URL", url)]).map(|config| config.base_path().to_owned());
    assert_eq!(base("https://example.com"), Ok(String::new()));
    assert_eq!(base("https://example.com/team/chat/"), Ok("/team/chat".to_owned()));
    for url in
        ["https://example.com/a//b", "https://example.com/{id}", "https://example.com/a?b", "https://a@b/"]
    {
        assert!(base(url).is_err_and(|errors| errors[0].starts_with("PUBLIC_URL: ")), "{url}");
    }
}

#[test]
fn database_url_is_read_from_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://app:hunter2@db/chat\n").unwrap();
    let config = read(&[("DATABASE_URL_FILE", file.to_str().unwrap())]).unwrap();
    assert_eq!(config.core.database_url.expose(), "postgres://app:hunter2@db/chat");
}

#[test]
fn emulator_alone_is_valid_except_in_production() {
    let alone = [("COMETCHAT_EMULATOR_URL", "http://localhost:4000"), GOOD[3]];
    let config = Config::read(&Sources::of(&alone)).unwrap();
    assert_eq!(config.cometchat.endpoint.base.as_str(), "http://localhost:4000/v3");
    assert_eq!(config.cometchat.endpoint.app_id, "emulator");
    let production = [alone[0], alone[1], ("PUBLIC_URL", "https://example.com")];
    let errors = Config::read(&Sources::of(&production)).unwrap_err();
    assert!(errors.0[0].starts_with("COMETCHAT_EMULATOR_URL: "), "{errors}");
}

#[test]
fn emulator_api_key_is_rejected_for_cloud() {
    assert!(errors(&[("COMETCHAT_API_KEY", EMULATOR_API_KEY)])[0].starts_with("COMETCHAT_API_KEY: "));
}

#[test]
fn generated_secret_key_is_private_and_reused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/deep/down/app.db", folder.path().display());
    let read_core = || CoreConfig::read(&Sources::of(&[("DATABASE_URL", &url)])).unwrap();
    read_core();
    let file = folder.path().join("deep/down/secret.key");
    let first = std::fs::read_to_string(&file).unwrap();
    read_core();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    std::fs::write(&file, "half a k").unwrap();
    let errors = CoreConfig::read(&Sources::of(&[("DATABASE_URL", &url)])).unwrap_err();
    assert!(errors.0[0].contains("secret.key"), "{errors}");
}

#[test]
fn config_debug_output_redacts_secrets() {
    let printed = format!("{:?}", read(&[("DATABASE_URL", "postgres://app:hunter2@db/chat")]).unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(!printed.contains("a-key-of-yours") && !printed.contains("AAECAwQF"), "{printed}");
}

#[test]
fn secret_key_fallbacks_are_comma_separated() {
    let text = |byte: u8| STANDARD.encode([byte; 32]);
    let list = format!("{}, {}", text(1), text(2));
    let config = read(&[("SECRET_KEY_FALLBACKS", &list)]).unwrap();
    let keys: Vec<_> = config.core.secret_key_fallbacks.iter().map(|key| key.bytes().to_vec()).collect();
    assert_eq!(keys, [vec![1; 32], vec![2; 32]]);
    assert!(read(&[]).unwrap().core.secret_key_fallbacks.is_empty());
}

/// Each value is valid by itself, and could never have the effect that the operator expects.
#[test]
fn key_of_wrong_length_is_rejected_with_length_and_advice() {
    let short = STANDARD.encode([7; 16]);
    for (name, key, cause) in [
        ("ASSERTION_KEY", short.as_str(), "is 16 bytes"),
        ("SECRET_KEY_FALLBACKS", short.as_str(), "is 16 bytes"),
        ("SECRET_KEY", short.as_str(), "is 16 bytes"),
        ("ASSERTION_KEY", "hunter2!", "is not base64"),
    ] {
        let [error] = &errors(&[(name, key)])[..] else { panic!("{name}") };
        assert!(error.starts_with(name) && error.contains(cause), "{error}");
        assert!(error.contains("openssl rand -base64 32") && !error.contains(key), "{error}");
    }
}

#[test]
fn setting_without_effect_is_rejected_with_advice() {
    let key = |byte: u8| STANDARD.encode([byte; 32]);
    let twice = format!("{},{}", key(1), key(1));
    let otlp = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let cases: [(&[(&str, &str)], &str); 53] = [
        (&[("ALLOWED_ORIGINS", "https://app.example/")], "is not an origin; write https://app.example"),
        (&[("ALLOWED_ORIGINS", "https://app.example:443")], "is not an origin; write https://app.example"),
        (&[("ALLOWED_ORIGINS", "https://App.example")], "is not an origin; write https://app.example"),
        (&[("ALLOWED_ORIGINS", "https://app.example/login?next=x")], "write https://app.example"),
        (&[("ALLOWED_ORIGINS", "https://m\u{fc}nchen.de")], "write https://xn--mnchen-3ya.de"),
        (&[("ALLOWED_ORIGINS", "https://a.example, https://*.example")], "has a wildcard; list each origin"),
        (&[("ALLOWED_ORIGINS", "*")], "has a wildcard; list each origin"),
        (&[("ALLOWED_ORIGINS", "null")], "write an origin like https://app.example.com"),
        (&[("ALLOWED_ORIGINS", "app.example")], "write an origin like https://app.example.com"),
        (&[("ALLOWED_ORIGINS", "ftp://app.example")], "write an origin like https://app.example.com"),
        (&[("ALLOWED_ORIGINS", "ws://app.example")], "write an origin like https://app.example.com"),
        (&[("ALLOWED_ORIGINS", "https://app.example:0")], "is not an origin"),
        (&[("PUBLIC_URL", "https://chat.example?x")], "must be like https://example.com"),
        (&[("PUBLIC_URL", "https://chat.example#x")], "must be like https://example.com"),
        (&[("PUBLIC_URL", "https://u:p@chat.example")], "must be like https://example.com"),
        (&[("PUBLIC_URL", "https://*.example")], "must be like https://example.com"),
        (&[("PUBLIC_URL", "http://localhost:0")], "must be like https://example.com"),
        (&[("PUBLIC_URL", "chat.example")], "is not a URL like https://example.com"),
        (&[("PUBLIC_URL", "localhost:3000")], "must be like https://example.com"),
        (&[("TRUSTED_PROXIES", "0.0.0.0/0")], "trusts all clients"),
        (&[("TRUSTED_PROXIES", "10.0.0.1, ::/0")], "trusts all clients"),
        (&[("TRUSTED_PROXIES", "10.0.0.7/8")], "write 10.0.0.7 or 10.0.0.0/8"),
        (&[("TRUSTED_PROXIES", "2001:db8::7/64")], "write 2001:db8::7 or 2001:db8::/64"),
        (&[("TRUSTED_PROXIES", "0.0.0.0")], "is not an address from which a proxy connects"),
        (&[("LISTEN", "224.0.0.1:3000")], "write one like 127.0.0.1:3000"),
        (&[("METRICS_LISTEN", "[ff02::1]:9090")], "write one like 127.0.0.1:9090"),
        (&[("METRICS_LISTEN", "255.255.255.255:9090")], "write one like 127.0.0.1:9090"),
        (&[("METRICS_LISTEN", "127.0.0.1:3000")], "is the address of LISTEN; choose another port"),
        (&[("METRICS_LISTEN", "0.0.0.0:3000")], "is the address of LISTEN; choose another port"),
        (&[("LISTEN", "[::]:80"), ("METRICS_LISTEN", "127.0.0.1:80")], "is the address of LISTEN"),
        (&[("SESSION_IDLE_DAYS", "60")], "60 is more than SESSION_MAX_DAYS=30; raise that too"),
        (&[("SESSION_MAX_DAYS", "9"), ("SESSION_IDLE_DAYS", "10")], "10 is more than SESSION_MAX_DAYS=9"),
        (&[("ASSERTION_KEY", &twice)], "has one key twice"),
        (&[("SECRET_KEY_FALLBACKS", &twice)], "has one key twice"),
        (&[("COMETCHAT_API_KEY", "a-key\u{200b}")], "may only have ASCII characters without spaces"),
        (&[("COMETCHAT_API_KEY", "a key")], "may only have ASCII characters without spaces"),
        (&[("COMETCHAT_EMULATOR_URL", "http://localhost:4000")], "replaces the cloud"),
        (&[("RUST_LOG", "inof")], "\"inof\" is not one of off, error, warn, info, debug, trace"),
        (&[("RUST_LOG", "info,cometchat-auth=debug")], "write cometchat_auth"),
        (&[("RUST_LOG", "audit=loud")], "error parsing level filter"),
        (&[("LOGIN_URL", "app.example/login")], "is not a URL like https://example.com/login"),
        (&[("LOGIN_URL", "https://app.example/login#top")], "without fragment"),
        (&[("LOGIN_URL", "http://localhost:3000/login")], "not below PUBLIC_URL"),
        (
            &[
                ("PUBLIC_URL", "http://localhost:3000/chat"),
                ("LOGIN_URL", "http://localhost:3000/chat/login"),
            ],
            "not below PUBLIC_URL",
        ),
        (&[("PUBLIC_URL_FILE", "url.txt")], "only a secret can come from a file; set PUBLIC_URL"),
        (&[("public_url", "https://chat.example")], "unknown setting; did you mean PUBLIC_URL?"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")], "must be a URL like http://collector:4318"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")], "port 4317 is for gRPC"),
        (&[otlp, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "must be http/protobuf"),
        (&[otlp, ("OTEL_EXPORTER_OTLP_HEADERS", "secret")], "must be name=value, comma-separated"),
        (&[otlp, ("OTEL_TRACES_SAMPLER", "xray")], "must be always_on"),
        (
            &[otlp, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")],
            "must be a number from 0 to 1",
        ),
        (&[otlp, ("OTEL_TRACES_SAMPLER_ARG", "0.1")], "only has an effect with OTEL_TRACES_SAMPLER="),
    ];
    for (changes, message) in cases {
        let errors = errors(changes);
        let (name, _) = changes.last().unwrap();
        assert!(errors[0].starts_with(&format!("{name}: ")) && errors[0].contains(message), "{errors:#?}");
        assert_eq!((errors.len(), errors[0].lines().count()), (1, 1), "{errors:#?}");
    }
}

#[test]
fn unusual_setting_with_effect_is_accepted() {
    let cases: [&[(&str, &str)]; 14] = [
        &[("ALLOWED_ORIGINS", "https://app.example,http://localhost:8080,http://[::1]:8080")],
        &[("ALLOWED_ORIGINS", "https://xn--mnchen-3ya.de")],
        &[("LOGIN_URL", "https://app.example/login?from=chat")],
        &[("PUBLIC_URL", "http://localhost:3000/chat"), ("LOGIN_URL", "http://localhost:3000/chats")],
        &[("PUBLIC_URL", "https://m\u{fc}nchen.de/chat/")],
        &[("TRUSTED_PROXIES", "10.0.0.7, 10.0.0.0/8, ::1, fd00::/8, 127.0.0.1/32")],
        &[("LISTEN", "127.0.0.1:0"), ("METRICS_LISTEN", "127.0.0.1:0")],
        &[("LISTEN", "127.0.0.1:80"), ("METRICS_LISTEN", "127.0.0.2:80")],
        &[("SESSION_MAX_DAYS", "3")],
        &[("RUST_LOG", "WARN,audit=info,cometchat_auth::db=trace,[request]=debug,sqlx=off")],
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_SAMPLER", "xray")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:4318"), ("OTEL_TRACES_SAMPLER", "always_off")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), ("OTEL_TRACES_EXPORTER", "none")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), ("OTEL_SDK_DISABLED", "TRUE")],
    ];
    for changes in cases {
        assert_eq!(read(changes).err(), None, "{changes:?}");
    }
}

#[test]
fn secret_file_may_begin_with_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "\u{feff}from-the-file\r\n").unwrap();
    let changes = [("COMETCHAT_API_KEY", ""), ("COMETCHAT_API_KEY_FILE", file.to_str().unwrap())];
    assert_eq!(read(&changes).unwrap().cometchat.endpoint.api_key.expose(), "from-the-file");
}
