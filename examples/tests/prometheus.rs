//! A real Prometheus scrapes a storefront through an outage: the alerts fire and end, and every query of the dashboard returns a series.
//!
//! Two and a half minutes, since alerts wait for minutes, and `prometheus` and `promtool` in the path: so it runs where it is asked for. That the second alert ends, which
//! takes five more, is seen by `promtool test rules`.

mod serving;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use resilience_observe::{Access, Listening, Observer, RUNBOOKS, prometheus_rules};
use resilience_runtime::{CircuitBreaker, registry};
use serde_json::Value;

/// The outage is from 72 s to 144 s.
const RUN: &str = "4m";

/// Ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn storefront() -> (Running, String) {
    let (child, mut told, address) = serving::storefront(&["--duration", RUN, "--outage", "payment=refuse"]);
    // Its progress is nobody's, and has to go somewhere.
    std::thread::spawn(move || told.read_to_end(&mut Vec::new()));
    (Running(child), address)
}

/// This program has a breaker too, which is open, and tells of it by another label than `service`.
fn labelled() -> Listening {
    CircuitBreaker::builder("payment").register().unwrap().force_open();
    let observer = Observer::builder(registry()).label("breaker").build().unwrap();
    observer.listen("127.0.0.1:0", Access::read_only()).unwrap()
}

fn prometheus(folder: &Path, storefront: &str, labelled: &str) -> (Running, String) {
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../resilience-observe/files/prometheus/resilience.rules.yml");
    let of_label = folder.join("breaker.rules.yml");
    fs::write(&of_label, prometheus_rules("breaker", RUNBOOKS)).unwrap();
    let scrape = |job: &str, format: &str, target: &str| {
        format!(
            "  - job_name: {job}\n    params: {{ format: [{format}] }}\n    static_configs:\n      - targets: [\"{target}\"]\n"
        )
    };
    // Targets that have a label `service` themselves, as the Prometheus operator gives them one.
    let of_operator =
        |job, target| format!("{}        labels: {{ service: shop }}\n", scrape(job, "openmetrics", target));
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{}, {}]\nscrape_configs:\n{}{}{}{}",
        rules.display(),
        of_label.display(),
        scrape("storefront", "classic", storefront),
        scrape("open", "openmetrics", storefront),
        of_operator("operator", storefront),
        of_operator("labelled", labelled),
    );
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    // Free a moment ago; nobody else is likely to take it.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=error")
        .spawn()
        .expect("there is a prometheus in the path");
    (Running(child), address)
}

/// Names, types and helps, as those who know Prometheus want them.
fn promtool_checks(metrics: &str) {
    let mut child = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "promtool has something to say against them");
}

struct Asked {
    client: reqwest::Client,
    address: String,
}

impl Asked {
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, reqwest::Error> {
        let mut url = reqwest::Url::parse(&format!("http://{}/api/v1/{path}", self.address)).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        self.client.get(url).send().await?.json().await
    }

    /// Every series that the query returns.
    async fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.get("query", &[("query", expression)]).await.unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Every alert of a job that fires.
    async fn alerts_of(&self, job: &str) -> Vec<Value> {
        let Ok(answer) = self.get("alerts", &[]).await else { return Vec::new() };
        let mut alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.retain(|alert| alert["state"] == "firing" && alert["labels"]["job"] == job);
        alerts
    }

    /// The name and the service of every alert of the storefront that fires.
    async fn firing(&self) -> Vec<(String, String)> {
        let text = |alert: &Value, label: &str| alert["labels"][label].as_str().unwrap_or_default().to_owned();
        let firing = self.alerts_of("storefront").await;
        firing.iter().map(|alert| (text(alert, "alertname"), text(alert, "service"))).collect()
    }

    /// Whether it fires, or not, by then.
    async fn waits_for(&self, alert: &str, is_to_fire: bool, until: Instant) {
        let expected = (alert.to_owned(), "payment".to_owned());
        while self.firing().await.contains(&expected) != is_to_fire {
            assert!(
                Instant::now() < until,
                "{alert} of payment: {is_to_fire} was expected, and this fires: {:?}",
                self.firing().await
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Every expression of the dashboard, with its variables filled in.
fn expressions() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../resilience-observe/files/grafana/resilience.json");
    let board: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let annotations = board["annotations"]["list"].as_array().unwrap().iter().map(|annotation| &annotation["target"]);
    let asked = targets.chain(annotations);
    let filled = |expression: &Value| {
        let mut expression = expression["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        for (variable, value) in [("$job", "storefront"), ("$instance", ".*"), ("$service", ".*")] {
            expression = expression.replace(variable, value);
        }
        expression
    };
    asked.map(filled).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "minutes, and a prometheus in the path"]
async fn the_alerts_of_an_outage_fire_and_end_and_every_query_returns_a_series() {
    let folder = Folder(std::env::temp_dir().join(format!("prometheus-{}", std::process::id())));
    fs::create_dir_all(&folder.0).unwrap();
    let (_storefront, at) = storefront();
    let began = Instant::now();
    let labelled = labelled();
    let (_prometheus, address) = prometheus(&folder.0, &at, &labelled.address().to_string());
    let asked = Asked { client: reqwest::Client::builder().no_proxy().build().unwrap(), address };
    let seconds = |seconds| began + Duration::from_secs(seconds);

    asked.waits_for("CircuitBreakerOpen", false, seconds(30)).await;
    for format in ["classic", "openmetrics"] {
        let text = asked.client.get(format!("http://{at}/metrics?format={format}")).send().await.unwrap().text().await;
        println!("{format}: {} bytes", text.as_ref().unwrap().len());
        if format == "classic" {
            promtool_checks(&text.unwrap());
        }
    }
    asked.waits_for("CircuitBreakerOpen", true, seconds(150)).await;
    println!("CircuitBreakerOpen fires after {:?}", began.elapsed());
    // Both formats are read, and have the same series.
    let up = asked.query("up").await;
    assert!(up.len() == 4 && up.iter().all(|target| target["value"][1] == "1"), "{up:?}");
    let counted = asked.query("count by (job) ({__name__=~\"circuit_breaker_.*|resilience_.*\", job!=\"\"})").await;
    println!("series: {counted:?}");
    let of_job = |job: &str| {
        let counted = counted.iter().find(|counted| counted["metric"]["job"] == job).unwrap();
        counted["value"][1].as_str().unwrap().to_owned()
    };
    assert_eq!(of_job("storefront"), of_job("open"));
    // Where the target has a label `service`, ours goes by another name: so the label can be chosen.
    assert!(
        !asked
            .query("circuit_breaker_state{job=\"operator\", service=\"shop\", exported_service=\"payment\"}")
            .await
            .is_empty()
    );
    // Where it is, the rules for it name the breaker. The others know of none but the target.
    let told = asked.alerts_of("labelled").await;
    let told: Vec<_> = told.iter().filter(|alert| alert["labels"]["alertname"] == "CircuitBreakerOpen").collect();
    let is_named = |alert: &&&Value| alert["labels"]["breaker"] == "payment" && alert["labels"]["service"] == "shop";
    assert!(told.len() == 2 && told.iter().all(|alert| is_named(&alert)), "{told:?}");
    let summaries: Vec<_> = told.iter().filter_map(|alert| alert["annotations"]["summary"].as_str()).collect();
    let of_breaker = format!("Circuit breaker payment of {} is open", labelled.address());
    assert!(summaries.contains(&&*of_breaker), "{summaries:?}");

    asked.waits_for("CircuitBreakerOpen", false, seconds(200)).await;
    println!("CircuitBreakerOpen has ended after {:?}", began.elapsed());
    asked.waits_for("HighFailureRate", true, seconds(235)).await;
    println!("HighFailureRate fires after {:?}", began.elapsed());

    let mut empty = Vec::new();
    for expression in expressions() {
        if asked.query(&expression).await.is_empty() {
            empty.push(expression);
        }
    }
    // Nothing may have opened in the last minute.
    assert!(empty.iter().all(|expression| expression.starts_with("changes(")), "{empty:#?}");
}
