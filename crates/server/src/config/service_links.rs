//! Recognizes the variables that Kubernetes and Docker add to the environment for each service and each linked
//! container. They begin with its name, which may begin like a setting: `COMETCHAT_AUTH_SERVICE_HOST`.

use std::net::{IpAddr, SocketAddr};

/// Returns whether the variable is one of those that Kubernetes (`enableServiceLinks`) or Docker (`--link`) adds. Name
/// and value must both have the form, so that a misspelt setting is not taken for one. `value_of` returns the values of
/// the other variables.
pub(super) fn is_service_link<'a>(
    name: &str,
    value: &str,
    value_of: impl Fn(&str) -> Option<&'a str>,
) -> bool {
    let is_host = || name.ends_with("_SERVICE_HOST") && is_ip(value);
    // A named port has its name at the end.
    let is_service_port =
        || (name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_")) && is_port(value);
    let is_first_port = || name.ends_with("_PORT") && is_address(value, None);
    let is_of_port = || {
        let mut ends = (0..name.len()).filter_map(|start| name.get(start..)?.strip_prefix("_PORT_"));
        ends.any(|end| is_port_variable(end, value))
    };
    let is_name = || name.strip_suffix("_NAME").is_some_and(|alias| is_link_name(value, alias));
    // A variable of the linked container.
    let is_of_container = || {
        let alias = name.split_once("_ENV_").map(|(alias, _)| alias);
        alias.is_some_and(|alias| {
            value_of(&format!("{alias}_NAME")).is_some_and(|value| is_link_name(value, alias))
        })
    };
    is_host() || is_service_port() || is_first_port() || is_of_port() || is_name() || is_of_container()
}

/// Returns whether this is a variable of one port, by the part of its name after `_PORT_`: `3000_TCP_ADDR`. Docker adds
/// those with `START` and `END` for consecutive ports.
fn is_port_variable(name: &str, value: &str) -> bool {
    let mut parts = name.splitn(3, '_');
    let (Some(port), Some(protocol)) = (parts.next(), parts.next()) else { return false };
    if !is_port(port) || !["TCP", "UDP", "SCTP"].contains(&protocol) {
        return false;
    }
    match parts.next() {
        None | Some("START" | "END") => is_address(value, Some(protocol)),
        Some("PROTO") => value.eq_ignore_ascii_case(protocol),
        Some("PORT" | "PORT_START" | "PORT_END") => is_port(value),
        Some("ADDR") => is_ip(value),
        Some(_) => false,
    }
}

/// Returns whether the text is like `tcp://10.0.0.1:3000`, with this protocol if there is one.
fn is_address(text: &str, protocol: Option<&str>) -> bool {
    let Some((scheme, address)) = text.split_once("://") else { return false };
    let is_protocol = match protocol {
        Some(protocol) => scheme.eq_ignore_ascii_case(protocol),
        None => ["tcp", "udp", "sctp"].contains(&scheme),
    };
    // Docker writes IPv6 addresses without brackets.
    let without_brackets = || address.rsplit_once(':').is_some_and(|(ip, port)| is_ip(ip) && is_port(port));
    is_protocol && (address.parse::<SocketAddr>().is_ok() || without_brackets())
}

/// Returns whether the text is like `/server/chat`, the name of a link with the alias `CHAT`.
fn is_link_name(text: &str, alias: &str) -> bool {
    let Some((_, name)) = text.strip_prefix('/').and_then(|text| text.split_once('/')) else { return false };
    name.to_uppercase().replace('-', "_") == alias
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_link(variable: &str) -> bool {
        let (name, value) = variable.split_once('=').unwrap();
        let of_docker = |name: &str| (name == "COMETCHAT_NAME").then_some("/server/cometchat");
        is_service_link(name, value, of_docker)
    }

    #[test]
    fn variables_of_kubernetes_service_are_recognized() {
        for prefix in ["COMETCHAT_AUTH", "COMETCHAT", "COMETCHAT_EMULATOR", "COMETCHAT_PORT", "SECRET"] {
            for variable in [
                "SERVICE_HOST=10.43.17.4",
                "SERVICE_HOST=fd00::1",
                "SERVICE_PORT=3000",
                "SERVICE_PORT_HTTP=3000",
                "SERVICE_PORT_HTTP_METRICS=9090",
                "PORT=tcp://10.43.17.4:3000",
                "PORT=tcp://[fd00::1]:3000",
                "PORT_3000_TCP=tcp://10.43.17.4:3000",
                "PORT_3000_TCP_PROTO=tcp",
                "PORT_3000_TCP_PORT=3000",
                "PORT_3000_TCP_ADDR=10.43.17.4",
                "PORT_53_UDP=udp://10.43.17.4:53",
                "PORT_9_SCTP_PROTO=sctp",
            ] {
                assert!(is_link(&format!("{prefix}_{variable}")), "{prefix}_{variable}");
            }
        }
    }

    #[test]
    fn variables_of_docker_link_are_recognized() {
        for variable in [
            "COMETCHAT_NAME=/server/cometchat",
            "COMETCHAT_AUTH_NAME=/server/cometchat-auth",
            "COMETCHAT_ENV_PATH_TO_IT=/x",
            "COMETCHAT_ENV_DATABASE_SERVICE_HOST=db.example.com",
            "COMETCHAT_PORT=tcp://172.17.0.2:3000",
            "COMETCHAT_PORT_3000_TCP=tcp://fd00::2:3000",
            "COMETCHAT_PORT_3000_TCP_START=tcp://172.17.0.2:3000",
            "COMETCHAT_PORT_3000_TCP_END=tcp://172.17.0.2:3002",
            "COMETCHAT_PORT_3000_TCP_PORT_START=3000",
            "COMETCHAT_PORT_3000_TCP_PORT_END=3002",
        ] {
            assert!(is_link(variable), "{variable}");
        }
    }

    #[test]
    fn variable_of_another_form_is_not_recognized() {
        for variable in [
            "COMETCHAT_PORT=3000",
            "COMETCHAT_PORT=http://10.0.0.1:3000",
            "COMETCHAT_PORT=tcp://server:3000",
            "COMETCHAT_PORT=",
            "COMETCHAT_SERVICE_HOST=chat.example.com",
            "COMETCHAT_SERVICE_PORT=http",
            "COMETCHAT_SERVICE=10.0.0.1",
            "COMETCHAT_SERVICE_PORTS=3000",
            "COMETCHAT_HOST=10.0.0.1",
            "COMETCHAT_PORT_HTTP=3000",
            "COMETCHAT_PORT_3000_TCP=udp://10.0.0.1:3000",
            "COMETCHAT_PORT_3000_TCP_KEY=3000",
            "COMETCHAT_PORT_3000_HTTP_PORT=3000",
            "COMETCHAT_PORT_99999_TCP_PORT=3000",
            "COMETCHAT_NAME=chat",
            "COMETCHAT_NAME=/server/other",
            "OTHER_ENV_PATH=/x",
            "COMETCHAT_ENV=production",
            "COMETCHAT_APPID=app",
        ] {
            assert!(!is_link(variable), "{variable}");
        }
    }
}
