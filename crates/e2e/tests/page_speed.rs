//! Measures how soon the form can be used: `make bench`. No test, because it asserts nothing.

use e2e::{Page, Result, Scenario};
use serde_json::{Value, json};

/// The round-trip times to the server, in milliseconds.
const LATENCIES: [(&str, u32); 3] = [("on this machine", 0), ("60 ms away", 60), ("400 ms away", 400)];

async fn visit(page: &Page, latency: u32) -> Result<(f64, f64)> {
    let cdp = page.driver.cdp();
    cdp.send_raw("Network.enable", json!({})).await?;
    cdp.send_raw("Network.clearBrowserCache", json!({})).await?;
    let line =
        json!({"offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1});
    cdp.send_raw("Network.emulateNetworkConditions", line).await?;
    page.open("/").await?;
    page.see("#login button:enabled").await?;
    let times = page
        .script(
            "return [performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0, window.liveAt ?? 0]",
        )
        .await?;
    let time = |index: usize| times.get(index).and_then(Value::as_f64).unwrap_or_default();
    Ok((time(0), time(1)))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures: make bench"]
async fn measure_time_to_interactive_form() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let watch = "new MutationObserver(() => {
                    if (!window.liveAt && document.querySelector('#login button:enabled')) window.liveAt = performance.now();
                }).observe(document, {subtree: true, childList: true, attributes: true})";
            test.page.before_every_page(watch).await?;
            println!("| the server is | first contentful paint | form usable |\n|---|---|---|");
            for (name, latency) in LATENCIES {
                let mut visits = Vec::new();
                for _ in 0..5 {
                    visits.push(visit(&test.page, latency).await?);
                }
                visits.sort_by(|a, b| a.1.total_cmp(&b.1));
                let (paint, live) = visits[visits.len() / 2];
                println!("| {name} | {paint:.0} ms | {live:.0} ms |");
            }
            Ok(())
        })
        .await
}
