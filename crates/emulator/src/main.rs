//! The command line. The program prints one `listening on` line to stdout and then runs [`App`].

use clap::Parser;
use cometchat_emulator::{App, Config};
use std::{io::IsTerminal, net::SocketAddr, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// Emulates the CometChat cloud in memory: REST v3, client API v3.0 and WebSocket.
///
/// The defaults match those of cometchat-auth with `COMETCHAT_EMULATOR_URL=http://localhost:4000`.
#[derive(Parser)]
#[command(name = "cometchat-emulator", version)]
struct Args {
    /// Address and port to listen on; port 0 chooses a free one.
    #[arg(long, env = "EMULATOR_LISTEN", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// App id that the SDK and REST v2.0 calls must send.
    #[arg(long, env = "EMULATOR_APP_ID", default_value = "emulator")]
    app_id: String,
    /// Region in the SDK's settings.
    #[arg(long, env = "EMULATOR_REGION", default_value = "us")]
    region: String,
    /// API key with scope `fullAccess`.
    #[arg(long, env = "EMULATOR_REST_API_KEY", default_value = "emulator-rest-api-key")]
    rest_api_key: String,
    /// API key with scope `authOnly`.
    #[arg(long, env = "EMULATOR_AUTH_KEY", default_value = "emulator-auth-key")]
    auth_key: String,
    /// Start with demo users, some history and an echo bot.
    #[arg(long, env = "EMULATOR_DEMO")]
    demo: bool,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // actix_http logs an error for each connection that a fault drops.
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_http=off")),
        )
        .init();
    let listen = args.listen;
    let app = match App::build(Config {
        listen,
        app_id: args.app_id,
        region: args.region,
        rest_api_key: args.rest_api_key,
        auth_key: args.auth_key,
        demo: args.demo,
        ..Config::default()
    }) {
        Ok(app) => app,
        Err(error) => {
            eprintln!(
                "cometchat-emulator: cannot listen on {listen}: {error}; set another address with --listen"
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
