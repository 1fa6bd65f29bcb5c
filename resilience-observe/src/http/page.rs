//! The page for people: its files as they were built, which are part of the program that serves them.

use super::problem::Problem;
use axum::extract::{OriginalUri, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// Names its assets, with what stands for the path to them.
const PAGE: &str = include_str!("../../page/dist/index.html");
const ROOT: &str = "{{root}}";

/// What there is to ask for, for whoever has no browser.
const PATHS: &str = "\
/                             a page that shows all of it, for a browser
/metrics                      for Prometheus; ?format=classic and ?format=openmetrics choose the format
/health                       what is not up and why, as JSON; 503 where it is down
/health/ready                 up, degraded or down; 503 where it is down
/health/live                  up
/hystrix.stream               for the dashboard of Hystrix; ?delay=500 milliseconds
/api/v1/operations            the guarded functions, and the policies around them
/api/v1/policies              every policy in one row; ?kind=, ?name=PATTERN, ?state=, ?limit=
/api/v1/KIND/NAME             one policy, with its settings and where they come from
/api/v1/KIND/NAME/events      its last events
/api/v1/KIND/NAME/history     what it did; ?step=1, 10 or 60 seconds, ?since=
/api/v1/KIND/NAME/keys        its keys, those first that are not closed; ?state=, ?limit=
/api/v1/advice                what somebody should look at, and what to write
/api/v1/events                what has happened; ?after=ID, ?topic=, ?name=PATTERN, ?limit=
/api/v1/openapi.json          this as OpenAPI
/api/v1/stream                the same as it happens, as server-sent events; ?topic=, ?name=PATTERN, ?after=ID, ?sample=1
/api/v1/steer                 POST: does something by hand to circuit breakers; wants a token
";

struct Asset {
    ending: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 2] = [
    Asset {
        ending: ".js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../page/dist/page.js"),
    },
    Asset { ending: ".css", content_type: "text/css; charset=utf-8", text: include_str!("../../page/dist/page.css") },
];

/// Whether somebody asks for what is the same in every program, and says nothing about this one.
pub(super) fn is_asked_for(request: &Parts) -> bool {
    let path = request.uri.path();
    path.starts_with("/assets/") || (is_root(path) && is_for_people(&request.headers))
}

/// Nested, it has or has not a slash at its end.
fn is_root(path: &str) -> bool {
    matches!(path, "" | "/")
}

fn is_for_people(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accepts| accepts.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// The page for a browser, and a list of paths for everybody else.
pub(super) async fn index(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let vary = (header::VARY, "Accept");
    if !is_for_people(&headers) {
        return ([vary], PATHS).into_response();
    }
    let page = PAGE.replace(ROOT, &root(uri.path()));
    ([vary, (header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// A browser takes a relative link from the last slash on: below `/resilience` it wants `./resilience/`, and below `/resilience/` nothing.
fn root(path: &str) -> String {
    match path.rsplit_once('/') {
        // It stands in an attribute, and with its dot it cannot be the scheme of another address.
        Some((_, last)) if !last.is_empty() => format!("./{}/", last.replace('"', "%22")),
        _ => String::new(),
    }
}

/// A name changes with what is in the file, so a browser may keep the file for good; of an older page's names there is nothing.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let asset = ASSETS.iter().find(|asset| name.ends_with(asset.ending));
    let asset = asset.filter(|_| PAGE.contains(&format!("{ROOT}assets/{name}\"")));
    let Some(Asset { content_type, text, .. }) = asset else {
        return Problem::not_found("the page has no such file").into_response();
    };
    let for_good = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    ([(header::CONTENT_TYPE, *content_type), for_good], *text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_from_wherever_the_page_is_nested() {
        for (path, expected) in [
            ("/", ""),
            ("/resilience", "./resilience/"),
            ("/resilience/", ""),
            ("/a/b", "./b/"),
            ("/javascript:x", "./javascript:x/"),
            ("/a\" onload=\"b", "./a%22 onload=%22b/"),
        ] {
            assert_eq!(root(path), expected, "{path}");
        }
    }
}
