//! The page for people: its files, their names, and what a browser may do with them.

#![cfg(feature = "listen")]

mod asking;

use asking::{Answer, ask, get};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use resilience_observe::{Access, Observer, Token};
use resilience_runtime::testing::Scope;
use std::net::SocketAddr;

const FOR_PEOPLE: &[&str] = &["Accept: text/html,application/xhtml+xml,*/*;q=0.8"];

fn page(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), FOR_PEOPLE)
}

/// What the page loads, as it is written there.
fn assets(page: &str) -> Vec<&str> {
    let links = page.split(['"', '\'']).filter(|link| link.contains("assets/"));
    links.collect()
}

#[test]
fn a_browser_is_shown_the_page_and_everybody_else_a_list_of_paths() {
    let scope = Scope::new();
    let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap();
    let shown = page(listening.address(), "/");
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!((shown.header("vary"), shown.header("cache-control")), (Some("Accept"), Some("no-store")));
    let policy = shown.header("content-security-policy").unwrap();
    for said in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'none'"]
    {
        assert!(policy.contains(said), "{policy}");
    }
    assert!(get(listening.address(), "/").body.contains("/api/v1/policies"));
    listening.stop();
}

#[test]
fn a_file_of_the_page_may_be_kept_for_good_and_no_other_is_there() {
    let scope = Scope::new();
    let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap();
    let at = listening.address();
    let shown = page(at, "/").body;
    assert_eq!(assets(&shown).len(), 2, "{shown}");
    for link in assets(&shown) {
        let file = get(at, &format!("/{link}"));
        let expected = if link.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
        assert_eq!((file.status, file.header("content-type")), (200, Some(expected)), "{link}");
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert!(file.body.len() > 1000);
        // Nothing comes from anywhere else. Names of namespaces are no addresses.
        let addresses = file.body.split(['"', '\'', '`', '(']).filter(|text| text.starts_with("http"));
        let elsewhere: Vec<_> = addresses.filter(|address| !address.starts_with("http://www.w3.org/")).collect();
        assert_eq!(elsewhere, [""; 0], "{link}");
    }
    for nothing in
        ["/assets/page.js", "/assets/page-000000000000.js", "/assets/", "/assets/..%2Findex.html", "/assets/%22"]
    {
        let answer = get(at, nothing);
        let problem = match nothing {
            "/assets/" => "there is no such path; `/` lists those there are",
            _ => "the page has no such file",
        };
        assert_eq!((answer.status, &*answer.problem()), (404, problem), "{nothing}");
    }
    listening.stop();
}

#[test]
fn who_may_not_read_is_shown_the_page_that_asks_for_the_token_and_nothing_else() {
    let scope = Scope::new();
    let access = Access::private(Token::new("correct-horse-battery-staple").unwrap());
    let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", access).unwrap();
    let at = listening.address();
    let shown = page(at, "/");
    assert_eq!(shown.status, 200);
    for link in assets(&shown.body) {
        assert_eq!(get(at, &format!("/{link}")).status, 200);
    }
    for path in ["/", "/metrics", "/health", "/api/v1/policies", "/assets", "/api/v1/circuit_breaker/assets"] {
        let expected = if path == "/" { 200 } else { 401 };
        assert_eq!(page(at, path).status, expected, "{path}");
        assert_eq!(get(at, path).status, 401, "{path}");
    }
    assert_eq!(ask(at, "GET /", &["Accept: text/html", "Host: evil.example"]).status, 421);
    listening.stop();
}

#[tokio::test]
async fn the_page_finds_its_files_below_any_prefix() {
    let scope = Scope::new();
    let router: Router = Observer::new(scope.registry()).router(Access::read_only());
    let app = Router::new().nest("/admin/resilience", router.clone()).nest("/other/", router);
    let app = TowerToHyperService::new(app);
    let ask = async |path: &str| {
        let request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
        let response = app.call(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    for path in ["/admin/resilience", "/other/"] {
        let (status, shown) = ask(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(assets(&shown).len(), 2);
        for link in assets(&shown) {
            // As a browser does it: from the last slash on.
            let (above, _) = path.rsplit_once('/').unwrap();
            let (status, _) = ask(&format!("{above}/{}", link.trim_start_matches("./"))).await;
            assert_eq!(status, StatusCode::OK, "{link} of {path}");
        }
    }
}
