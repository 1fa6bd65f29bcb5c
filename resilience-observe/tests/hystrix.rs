//! What the dashboard of Hystrix reads: every field that its own stream has, with numbers that equal what was done.
//!
//! Hystrix counts over ten seconds, sockets are real, and so is the time.

#![cfg(feature = "listen")]

mod asking;

use asking::{connect, get};
use resilience_observe::{Access, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, Rejection, bulkhead, circuit_breaker, fallback, timeout};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The fields of a command and of a thread pool, as `SerialHystrixDashboardData` of Hystrix writes them.
const COMMAND: &str = r#"
{
 "type": "HystrixCommand",
 "name": "<string>",
 "group": "<string>",
 "currentTime": 0,
 "isCircuitBreakerOpen": false,
 "errorPercentage": 0,
 "errorCount": 0,
 "requestCount": 0,
 "rollingCountBadRequests": 0,
 "rollingCountCollapsedRequests": 0,
 "rollingCountEmit": 0,
 "rollingCountExceptionsThrown": 0,
 "rollingCountFailure": 0,
 "rollingCountFallbackEmit": 0,
 "rollingCountFallbackFailure": 0,
 "rollingCountFallbackMissing": 0,
 "rollingCountFallbackRejection": 0,
 "rollingCountFallbackSuccess": 0,
 "rollingCountResponsesFromCache": 0,
 "rollingCountSemaphoreRejected": 0,
 "rollingCountShortCircuited": 0,
 "rollingCountSuccess": 0,
 "rollingCountThreadPoolRejected": 0,
 "rollingCountTimeout": 0,
 "currentConcurrentExecutionCount": 0,
 "rollingMaxConcurrentExecutionCount": 0,
 "latencyExecute_mean": 0,
 "latencyExecute": {
  "0": 0,
  "25": 0,
  "50": 0,
  "75": 0,
  "90": 0,
  "95": 0,
  "99": 0,
  "99.5": 0,
  "100": 0
 },
 "latencyTotal_mean": 0,
 "latencyTotal": {
  "0": 0,
  "25": 0,
  "50": 0,
  "75": 0,
  "90": 0,
  "95": 0,
  "99": 0,
  "99.5": 0,
  "100": 0
 },
 "propertyValue_circuitBreakerRequestVolumeThreshold": 0,
 "propertyValue_circuitBreakerSleepWindowInMilliseconds": 0,
 "propertyValue_circuitBreakerErrorThresholdPercentage": 0,
 "propertyValue_circuitBreakerForceOpen": false,
 "propertyValue_circuitBreakerForceClosed": false,
 "propertyValue_circuitBreakerEnabled": false,
 "propertyValue_executionIsolationStrategy": "THREAD",
 "propertyValue_executionIsolationThreadTimeoutInMilliseconds": 0,
 "propertyValue_executionTimeoutInMilliseconds": 0,
 "propertyValue_executionIsolationThreadInterruptOnTimeout": false,
 "propertyValue_executionIsolationThreadPoolKeyOverride": null,
 "propertyValue_executionIsolationSemaphoreMaxConcurrentRequests": 0,
 "propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests": 0,
 "propertyValue_metricsRollingStatisticalWindowInMilliseconds": 0,
 "propertyValue_requestCacheEnabled": false,
 "propertyValue_requestLogEnabled": false,
 "reportingHosts": 1,
 "threadPool": "<string>"
}
"#;
const THREAD_POOL: &str = r#"
{
 "type": "HystrixThreadPool",
 "name": "<string>",
 "currentTime": 0,
 "currentActiveCount": 0,
 "currentCompletedTaskCount": 0,
 "currentCorePoolSize": 0,
 "currentLargestPoolSize": 0,
 "currentMaximumPoolSize": 0,
 "currentPoolSize": 0,
 "currentQueueSize": 0,
 "currentTaskCount": 0,
 "rollingCountThreadsExecuted": 0,
 "rollingMaxActiveThreads": 0,
 "rollingCountCommandRejections": 0,
 "propertyValue_queueSizeRejectionThreshold": 0,
 "propertyValue_metricsRollingStatisticalWindowInMilliseconds": 0,
 "reportingHosts": 1
}
"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Succeed,
    Fail,
    FailFully,
    Hang,
    AskBadly,
}

#[derive(Debug, thiserror::Error)]
enum Charging {
    #[error("the gateway is down")]
    Down,
    #[error("no such card")]
    BadRequest,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn answer(does: Does, error: Charging) -> Result<u32, Charging> {
    if does == Does::FailFully { Err(error) } else { Ok(0) }
}

#[fallback(answer)]
#[circuit_breaker("payment", minimum_calls = 33, open_for = "90s", failure_rate = 40, latency = true,
    ignore_if = |error: &Charging| matches!(error, Charging::BadRequest))]
#[bulkhead(name = "gateway", max_concurrent = 1)]
#[timeout("60ms", name = "limit")]
async fn charge(does: Does) -> Result<u32, Charging> {
    match does {
        Does::Succeed => Ok(7),
        Does::Fail | Does::FailFully => Err(Charging::Down),
        Does::Hang => std::future::pending().await,
        Does::AskBadly => Err(Charging::BadRequest),
    }
}

struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(address: SocketAddr, delay: u64) -> Self {
        let mut stream = connect(address);
        let request = format!("GET /hystrix.stream?delay={delay} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "it ended");
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    fn head(&mut self) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty())).collect()
    }

    /// Everything up to the next ping. What is between are the sizes of chunks.
    fn messages(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let line = self.line();
            if line == "ping: " {
                return messages;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                messages.push(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The command and the thread pool, as soon as they are as wanted.
    fn until(&mut self, wanted: impl Fn(&Value, &Value) -> bool) -> (Value, Value) {
        let begin = Instant::now();
        loop {
            let messages = self.messages();
            let of = |kind: &str| messages.iter().find(|message| message["type"] == kind).unwrap().clone();
            let both = (of("HystrixCommand"), of("HystrixThreadPool"));
            if wanted(&both.0, &both.1) {
                return both;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{both:?}");
        }
    }
}

fn listen(scope: &Scope) -> SocketAddr {
    Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap().address()
}

#[track_caller]
fn assert_form(said: &Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(form(said), form(&expected), "{said}");
}

/// Each field with the type of its value.
fn form(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => "bool".into(),
        Value::Number(number) => {
            assert!(number.is_u64(), "{number} is no whole number");
            "number".into()
        }
        Value::String(_) => "text".into(),
        Value::Array(_) => "list".into(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
    }
}

async fn script(scope: &Scope) {
    let _entered = scope.enter();
    for _ in 0..5 {
        charge(Does::Succeed).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(charge(Does::Fail).await.unwrap(), 0, "the fallback answers");
    }
    charge(Does::FailFully).await.unwrap_err();
    for _ in 0..2 {
        charge(Does::Hang).await.unwrap();
    }
    charge(Does::AskBadly).await.unwrap();
    let registry = scope.registry();
    let bulkhead = registry.bulkhead("gateway").unwrap();
    let inside = bulkhead.try_acquire().unwrap();
    charge(Does::Succeed).await.unwrap();
    drop(inside);
    let breaker = registry.circuit_breaker("payment").unwrap();
    breaker.force_open();
    for _ in 0..4 {
        charge(Does::Succeed).await.unwrap();
    }
}

#[test]
fn every_field_is_there_and_every_number_is_what_was_done_in_the_last_ten_seconds() {
    let scope = Scope::new();
    let mut stream = Stream::open(listen(&scope), 200);
    let head = stream.head().join("\n");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    for header in ["content-type: text/event-stream;charset=UTF-8", "pragma: no-cache", "x-accel-buffering: no"] {
        assert!(head.contains(header), "{header} in {head}");
    }

    // Everything is there before its first call.
    let first = stream.messages();
    let named: Vec<_> =
        first.iter().map(|message| (message["type"].as_str().unwrap(), message["name"].as_str().unwrap())).collect();
    assert_eq!(named, [("HystrixCommand", "payment"), ("HystrixThreadPool", "gateway")]);
    assert_form(&first[0], COMMAND);
    assert_form(&first[1], THREAD_POOL);
    assert_eq!((&first[0]["isCircuitBreakerOpen"], &first[0]["requestCount"]), (&false.into(), &0.into()));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begin = Instant::now();
    runtime.block_on(script(&scope));
    let (command, pool) = stream.until(|command, _| command["rollingCountShortCircuited"] == 4);
    assert!(begin.elapsed() < Duration::from_secs(8), "the machine is too slow for what is to be seen");
    assert_form(&command, COMMAND);
    for (field, expected) in [
        ("group", Value::from("hystrix")),
        ("isCircuitBreakerOpen", true.into()),
        ("rollingCountSuccess", 5.into()),
        ("rollingCountFailure", 4.into()),
        ("rollingCountTimeout", 2.into()),
        ("rollingCountSemaphoreRejected", 1.into()),
        ("rollingCountShortCircuited", 4.into()),
        ("rollingCountBadRequests", 1.into()),
        ("errorCount", 7.into()),
        ("requestCount", 12.into()),
        ("errorPercentage", 58.into()),
        // All but one of 4 + 2 + 1 + 4 failures and rejections, and of the bad request.
        ("rollingCountFallbackSuccess", 11.into()),
        ("rollingCountFallbackFailure", 1.into()),
        ("rollingCountExceptionsThrown", 1.into()),
        ("currentConcurrentExecutionCount", 0.into()),
        ("propertyValue_circuitBreakerRequestVolumeThreshold", 33.into()),
        ("propertyValue_circuitBreakerSleepWindowInMilliseconds", 90_000.into()),
        ("propertyValue_circuitBreakerErrorThresholdPercentage", 40.into()),
        ("propertyValue_circuitBreakerForceOpen", true.into()),
        ("propertyValue_circuitBreakerForceClosed", false.into()),
        ("propertyValue_executionIsolationStrategy", "SEMAPHORE".into()),
        ("propertyValue_executionTimeoutInMilliseconds", 60.into()),
        ("propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", 1.into()),
        ("propertyValue_metricsRollingStatisticalWindowInMilliseconds", 10_000.into()),
        ("threadPool", "gateway".into()),
    ] {
        assert_eq!(command[field], expected, "{field}: {command}");
    }
    // 11 calls are measured, of which two took 60 ms and the others next to nothing.
    let took = |percent: &str| command["latencyExecute"][percent].as_u64().unwrap();
    assert!(took("50") < 20 && (50..2000).contains(&took("99")) && took("100") >= took("99"), "{command}");
    assert!((5..400).contains(&command["latencyExecute_mean"].as_u64().unwrap()), "{command}");

    for (field, expected) in [
        ("rollingCountThreadsExecuted", 13),
        ("rollingCountCommandRejections", 1),
        ("currentActiveCount", 0),
        ("currentMaximumPoolSize", 1),
        ("currentQueueSize", 0),
        ("propertyValue_queueSizeRejectionThreshold", 0),
    ] {
        assert_eq!(pool[field], expected, "{field}: {pool}");
    }

    // Ten seconds later nothing of it is left, and it is as open as it was.
    let (later, pool) = stream.until(|command, _| command["rollingCountShortCircuited"] == 0);
    assert!(begin.elapsed() >= Duration::from_secs(9), "{:?}", begin.elapsed());
    let rolling = [
        "rollingCountSuccess",
        "rollingCountTimeout",
        "rollingCountFallbackSuccess",
        "requestCount",
        "errorPercentage",
    ];
    assert!(rolling.iter().all(|field| later[field] == 0), "{later}");
    assert_eq!((&later["isCircuitBreakerOpen"], &pool["rollingCountThreadsExecuted"]), (&true.into(), &0.into()));
    assert_eq!(later["latencyExecute"]["99"], 0);
}

#[test]
fn five_may_look_and_the_sixth_is_refused_in_hystrix_own_words() {
    let scope = Scope::new();
    let at = listen(&scope);
    let mut streams: Vec<_> = (0..5).map(|_| Stream::open(at, 100)).collect();
    streams.iter_mut().for_each(|stream| {
        stream.head();
        stream.messages();
    });
    let refused = get(at, "/hystrix.stream");
    assert_eq!((refused.status, refused.problem()), (503, "MaxConcurrentConnections reached: 5".to_owned()));
    // The place of one that hangs up is free.
    streams.pop();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut stream = Stream::open(at, 100);
        if stream.head()[0].contains("200") {
            break;
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_delay_out_of_bounds_is_refused() {
    let at = listen(&Scope::new());
    for delay in ["99", "10001", "soon"] {
        let answer = get(at, &format!("/hystrix.stream?delay={delay}"));
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.problem().contains("`delay`"), "{answer:?}");
    }
}

#[test]
fn states_are_told_as_the_dashboard_knows_them() {
    let scope = Scope::new();
    let breaker = {
        let _entered = scope.enter();
        Bulkhead::builder("pool").max_concurrent(9).max_queue(4).register().unwrap();
        resilience_runtime::CircuitBreaker::builder("a \"b\"\n").register()
    };
    assert!(breaker.is_err(), "a name has no control character");
    let breaker = {
        let _entered = scope.enter();
        resilience_runtime::CircuitBreaker::builder("a \"b\"").register().unwrap()
    };
    let mut stream = Stream::open(listen(&scope), 100);
    stream.head();
    let mut said = |state: &dyn Fn()| {
        state();
        // One may be on its way.
        stream.messages();
        stream.messages();
        let messages = stream.messages();
        let of = messages.iter().find(|message| message["name"] == "a \"b\"").unwrap().clone();
        ["isCircuitBreakerOpen", "propertyValue_circuitBreakerForceOpen", "propertyValue_circuitBreakerForceClosed"]
            .map(|field| of[field].as_bool().unwrap())
    };
    assert_eq!(said(&|| ()), [false, false, false]);
    assert_eq!(said(&|| breaker.force_open()), [true, true, false]);
    assert_eq!(said(&|| breaker.monitor()), [false, false, true]);
    assert_eq!(said(&|| breaker.disable()), [false, false, true]);
    assert_eq!(said(&|| breaker.enforce()), [false, false, false]);
    assert_eq!(said(&|| breaker.force_open_for(Duration::from_secs(60))), [true, false, false]);
}
