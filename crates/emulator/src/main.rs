//! The command line: flags and environment in, one `listening on` line out, the rest is [`App`].

use clap::Parser;
use cometchat_emulator::{App, Config};
use std::{io::IsTerminal, net::SocketAddr, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// Stands in for the CometChat cloud: REST v3, client API v3.0 and WebSocket, in memory.
///
/// Every default is what `COMETCHAT_EMULATOR_URL=http://localhost:4000` alone makes cometchat-auth use.
#[derive(Parser)]
#[command(name = "cometchat-emulator", version)]
struct Flags {
    /// Address and port to serve on; port 0 takes any free one. Nothing else is bound.
    #[arg(long, env = "EMULATOR_LISTEN", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// App id that the SDK and REST calls on v2.0 must name.
    #[arg(long, env = "EMULATOR_APP_ID", default_value = "emulator")]
    app_id: String,
    /// Region told to the SDK in its settings.
    #[arg(long, env = "EMULATOR_REGION", default_value = "us")]
    region: String,
    /// The key with scope `fullAccess`.
    #[arg(long, env = "EMULATOR_REST_API_KEY", default_value = "emulator-rest-api-key")]
    rest_api_key: String,
    /// The key with scope `authOnly`.
    #[arg(long, env = "EMULATOR_AUTH_KEY", default_value = "emulator-auth-key")]
    auth_key: String,
    /// Begin with people, some history, and a bot that answers.
    #[arg(long, env = "EMULATOR_DEMO")]
    demo: bool,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // A fault that cuts a connection is an error to actix_http, and wanted.
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_http=off")),
        )
        .init();
    let listen = flags.listen;
    let app = match App::build(Config {
        listen,
        app_id: flags.app_id,
        region: flags.region,
        rest_api_key: flags.rest_api_key,
        auth_key: flags.auth_key,
        demo: flags.demo,
        ..Config::default()
    }) {
        Ok(app) => app,
        Err(error) => {
            eprintln!(
                "cometchat-emulator: cannot listen on {listen}: {error}; choose another address with --listen"
            );
            return ExitCode::FAILURE;
        }
    };
    println!("listening on http://{}", app.address());
    match app.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cometchat-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}
