//! Who may read and who may steer, and what is refused before anybody is asked.

use super::page;
use super::problem::Problem;
use crate::locked::locked;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The shortest token.
const SHORTEST_TOKEN: usize = 16;
/// How long the answer to a wrong token takes.
const WRONG_TOKEN_TAKES: Duration = Duration::from_millis(100);
/// Wrong tokens in one second, after which none is looked at until the second is over.
const WRONG_TOKENS_A_SECOND: u32 = 10;

/// The page's own files, and nothing else from anywhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Who may read, and who may change the state of circuit breakers.
///
/// | | reads | steers |
/// |---|---|---|
/// | [`read_only`](Self::read_only) | whoever reaches it | nobody |
/// | [`steering`](Self::steering) | whoever reaches it | who has the token |
/// | [`private`](Self::private) | who has the token | who has the token |
/// | [`authorize`](Self::authorize) | whom a function of the program's own lets in | the same |
///
/// A token comes in the header `Authorization: Bearer …`. What a failure said (`last_error` of a breaker, `cause` of an event, the text of a failed health check)
/// may hold anything, a password in a URL too. It is served to whoever has shown a token, or was let in by the program's own function, and to nobody else.
///
/// ```
/// use resilience_observe::{Access, Observer, Token};
/// use resilience_runtime::registry;
///
/// let token = Token::new("correct horse battery staple".replace(' ', "-"))?;
/// let router: axum::Router = Observer::new(registry()).router(Access::steering(token));
/// # Ok::<(), resilience_observe::InvalidToken>(())
/// ```
#[derive(Clone, Debug)]
pub struct Access {
    keeper: Keeper,
    hosts: Option<Vec<String>>,
}

type Authorize = dyn Fn(&Parts) -> Result<Who, Refused> + Send + Sync;

#[derive(Clone)]
enum Keeper {
    Nobody,
    Token { token: Token, also_to_read: bool },
    Own(Arc<Authorize>),
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "ReadOnly",
            Self::Token { also_to_read: false, .. } => "Steering",
            Self::Token { also_to_read: true, .. } => "Private",
            Self::Own(_) => "Authorize",
        })
    }
}

impl Access {
    /// Whoever reaches it may read; nobody may steer.
    pub fn read_only() -> Self {
        Self { keeper: Keeper::Nobody, hosts: None }
    }

    /// Whoever reaches it may read; who has the token may steer, and reads what failures have said.
    pub fn steering(token: Token) -> Self {
        Self { keeper: Keeper::Token { token, also_to_read: false }, hosts: None }
    }

    /// Who has the token may read and steer, and nobody else may do either. A listener beyond loopback wants this.
    pub fn private(token: Token) -> Self {
        Self { keeper: Keeper::Token { token, also_to_read: true }, hosts: None }
    }

    /// A function of the program's own is asked about each request, to read and to steer, which is a `POST`. Who it names has done what is done, whatever the request says.
    ///
    /// ```
    /// use resilience_observe::{Access, Refused, Who};
    ///
    /// let access = Access::authorize(|request| match request.headers.get("x-user") {
    ///     Some(user) => Ok(Who::named(String::from_utf8_lossy(user.as_bytes()))),
    ///     None => Err(Refused::unauthorized("sign in first")),
    /// });
    /// ```
    pub fn authorize(asked: impl Fn(&Parts) -> Result<Who, Refused> + Send + Sync + 'static) -> Self {
        Self { keeper: Keeper::Own(Arc::new(asked)), hosts: None }
    }

    /// The names under which it is reached, such as `admin.shop.internal`, without a port. A listener answers to `localhost` and to addresses of the machine's own in any
    /// case, and to no other name: a page elsewhere whose name is made to lead here is refused. A router answers to every name, unless this is called.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.hosts.get_or_insert_default().extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Whether nobody gets anything without having shown something.
    #[cfg(feature = "listen")]
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self.keeper, Keeper::Nobody | Keeper::Token { also_to_read: false, .. })
    }
}

/// What whoever steers has to know: at least 16 bytes that a header can carry, which are not all the same.
#[derive(Clone)]
pub struct Token(Arc<str>);

/// Why a text is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It can be guessed.
    #[error("a token must have at least {SHORTEST_TOKEN} bytes; `openssl rand -hex 32` makes one")]
    TooShort,
    /// It can be guessed as well.
    #[error("a token must not be one character again and again; `openssl rand -hex 32` makes one")]
    OneCharacter,
    /// No header carries it.
    #[error("a token must be visible ASCII characters without spaces, which a header can carry")]
    NotVisible,
    /// There is no such environment variable, or it is not Unicode.
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
}

impl Token {
    /// That text as a token.
    ///
    /// # Errors
    ///
    /// It is shorter than 16 bytes, one character again and again, or has others than visible ASCII characters.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidToken> {
        let text = text.as_ref();
        if text.len() < SHORTEST_TOKEN {
            return Err(InvalidToken::TooShort);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::NotVisible);
        }
        if text.bytes().all(|byte| Some(byte) == text.bytes().next()) {
            return Err(InvalidToken::OneCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The token in an environment variable.
    ///
    /// ```no_run
    /// use resilience_observe::{Access, Observer, Token};
    /// use resilience_runtime::registry;
    ///
    /// let access = Access::steering(Token::from_env("RESILIENCE_ADMIN_TOKEN")?);
    /// Observer::new(registry()).listen("127.0.0.1:9911", access)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`new`](Self::new); or the variable is not set.
    pub fn from_env(variable: &str) -> Result<Self, InvalidToken> {
        let text = std::env::var(variable).map_err(|_| InvalidToken::NotSet(variable.to_owned()))?;
        Self::new(text)
    }

    fn is(&self, shown: &[u8]) -> bool {
        is_same(self.0.as_bytes(), shown.len(), shown.iter().copied())
    }
}

/// Whether both are the same: each byte that was shown is looked at, and what is done with one depends on none before it. So the time that it takes says how long the
/// shown one is, which whoever has shown it knows.
fn is_same(token: &[u8], length: usize, shown: impl Iterator<Item = u8>) -> bool {
    let others = shown.enumerate().fold(0_u8, |others, (nth, byte)| others | (byte ^ token[nth % token.len()]));
    black_box(others) == 0 && length == token.len()
}

/// Without the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whom a function of the program's own has let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    name: String,
}

impl Who {
    /// Somebody of that name, at most 256 bytes, which stands as `by` in the events of what they do.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// That a function of the program's own lets somebody not in, and what they are told.
#[derive(Clone, Debug)]
pub struct Refused(Problem);

impl Refused {
    /// 401: it is not known who asks.
    pub fn unauthorized(title: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::UNAUTHORIZED, title))
    }

    /// 403: it is known, and they may not.
    pub fn forbidden(title: impl Into<String>) -> Self {
        Self(Problem::new(StatusCode::FORBIDDEN, title))
    }
}

/// Who asks, as far as that is known.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Whom the program's own function has named.
    pub(crate) name: Option<String>,
    /// Whether they are served what failures have said.
    pub(crate) is_trusted: bool,
    /// Why they may not steer.
    pub(crate) may_not_steer: Option<Problem>,
}

/// What stands before the routes.
pub(crate) struct Guard {
    access: Access,
    on_loopback: bool,
    wrong_tokens: Mutex<WrongTokens>,
}

struct WrongTokens {
    since: Instant,
    count: u32,
}

impl Guard {
    pub(crate) fn of_router(access: Access) -> Self {
        let wrong_tokens = Mutex::new(WrongTokens { since: Instant::now(), count: 0 });
        Self { access, on_loopback: false, wrong_tokens }
    }

    /// Of one that only this machine reaches, or others do too.
    #[cfg(feature = "listen")]
    pub(crate) fn of_listener(access: Access, on_loopback: bool) -> Self {
        Self { on_loopback, ..Self::of_router(access.hosts([""; 0])) }
    }

    async fn admit(&self, request: &Parts) -> Result<Visitor, Problem> {
        self.check_host(request)?;
        if request.method != Method::GET && request.method != Method::HEAD {
            check_origin(request)?;
        }
        let stranger = |may_not_steer| Visitor { name: None, is_trusted: false, may_not_steer: Some(may_not_steer) };
        match &self.access.keeper {
            Keeper::Nobody => {
                let title = "steering is off; give the router a token";
                Ok(stranger(Problem::new(StatusCode::FORBIDDEN, title)))
            }
            Keeper::Token { token, also_to_read } => match shown(request) {
                Some(shown) => {
                    self.check_token(token, shown).await?;
                    Ok(Visitor { name: None, is_trusted: true, may_not_steer: None })
                }
                // The page asks for the token; what it shows is refused until then.
                None if *also_to_read && !page::is_asked_for(request) => Err(token_wanted()),
                None => Ok(stranger(token_wanted())),
            },
            Keeper::Own(asked) => {
                let Who { name } = asked(request).map_err(|Refused(problem)| problem)?;
                Ok(Visitor { name: Some(name), is_trusted: true, may_not_steer: None })
            }
        }
    }

    async fn check_token(&self, token: &Token, shown: &[u8]) -> Result<(), Problem> {
        {
            let mut wrong = locked(&self.wrong_tokens);
            if wrong.since.elapsed() >= Duration::from_secs(1) {
                *wrong = WrongTokens { since: Instant::now(), count: 0 };
            }
            // None is looked at any more, the right one included: otherwise there would be no bound on guessing.
            if wrong.count >= WRONG_TOKENS_A_SECOND {
                let problem =
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens; try again in a second");
                return Err(problem.with(header::RETRY_AFTER, "1"));
            }
            if token.is(shown) {
                return Ok(());
            }
            wrong.count += 1;
        }
        tokio::time::sleep(WRONG_TOKEN_TAKES).await;
        Err(unauthorized("this is not the token"))
    }

    fn check_host(&self, request: &Parts) -> Result<(), Problem> {
        let Some(known) = &self.access.hosts else { return Ok(()) };
        // What no browser has sent is no page's doing.
        let Some(host) = host(request) else { return Ok(()) };
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_known = match address {
            // A page has an address in place of its name only where it was itself served from there.
            Ok(address) => address.is_loopback() || !self.on_loopback,
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        };
        if is_known || known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let title = format!("this listener does not answer to the name `{name}`; give it to `Access::hosts`");
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, title))
    }
}

fn token_wanted() -> Problem {
    unauthorized("a token is wanted, in the header `Authorization: Bearer …`")
}

fn unauthorized(title: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, title).with(header::WWW_AUTHENTICATE, "Bearer")
}

/// What comes in place of a token.
fn shown(request: &Parts) -> Option<&[u8]> {
    let value = request.headers.get(header::AUTHORIZATION)?.as_bytes();
    let is_bearer = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    // Whatever another scheme shows is no token.
    Some(if is_bearer { value[7..].trim_ascii() } else { b"" })
}

fn host(request: &Parts) -> Option<&str> {
    let of_uri = request.uri.authority().map(|authority| authority.as_str());
    of_uri.or_else(|| request.headers.get(header::HOST).map(|host| host.to_str().unwrap_or("")))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// A page of somebody else's may not act in the name of whoever looks at it.
fn check_origin(request: &Parts) -> Result<(), Problem> {
    let Some(origin) = request.headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("");
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (authority, host(request)) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Problem::new(StatusCode::FORBIDDEN, "a page of another origin may not steer")),
    }
}

/// Lets nobody pass who may not, and gives every answer the headers that keep a browser from doing more with it than it should.
pub(crate) async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut response = match guard.admit(&parts).await {
        Ok(visitor) => {
            parts.extensions.insert(visitor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| _ = headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    // An answer is out of date a moment later. What is never another one says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_token_is_compared_in_a_time_that_does_not_depend_on_where_it_differs() {
        let token = b"0123456789abcdef";
        let looked_at = |shown: &[u8]| {
            let looked = Cell::new(0);
            let is_same = is_same(token, shown.len(), shown.iter().copied().inspect(|_| looked.set(looked.get() + 1)));
            (is_same, looked.get())
        };
        assert_eq!(looked_at(token), (true, 16));
        assert_eq!(looked_at(b"x123456789abcdef"), (false, 16));
        assert_eq!(looked_at(b"0123456789abcdex"), (false, 16));
        assert_eq!(looked_at(b""), (false, 0));
        assert_eq!(looked_at(b"0"), (false, 1));
        assert_eq!(looked_at(b"0123456789abcdef0123456789abcdef"), (false, 32), "the token twice is another one");
    }

    #[test]
    fn the_port_is_no_part_of_a_host() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("localhost:9911", "localhost"),
            ("127.0.0.1:9911", "127.0.0.1"),
            ("[::1]:9911", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("fe80::1", "fe80::1"),
            ("localhost:http", "localhost:http"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_wrong_tokens_in_a_second_are_looked_at() {
        let token = Token::new("0123456789abcdef").unwrap();
        let guard = Guard::of_router(Access::steering(token.clone()));
        let mut answers = Vec::new();
        for shown in [&b"wrong"[..]; 11].into_iter().chain([&b"0123456789abcdef"[..]]) {
            answers.push(guard.check_token(&token, shown).await.map_err(|problem| {
                let title = problem.title.clone();
                let response = problem.into_response();
                let after = response.headers().get(header::RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
                (response.status(), title, after)
            }));
        }
        let (wrong, looked_at) = (answers.split_off(10), answers);
        assert!(looked_at.iter().all(|answer| matches!(answer, Err((StatusCode::UNAUTHORIZED, ..)))), "{looked_at:?}");
        let title = "too many wrong tokens; try again in a second".to_owned();
        let refused = Err((StatusCode::TOO_MANY_REQUESTS, title, Some("1".to_owned())));
        assert_eq!(wrong, [refused.clone(), refused]);
        locked(&guard.wrong_tokens).since -= Duration::from_secs(1);
        assert!(guard.check_token(&token, b"0123456789abcdef").await.is_ok());
    }

    fn asking(headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        request.body(axum::body::Body::empty()).unwrap().into_parts().0
    }

    #[test]
    fn what_is_shown_is_what_comes_after_bearer() {
        for (authorization, expected) in [
            ("Bearer abc", "abc"),
            ("bEARER   abc  ", "abc"),
            ("Bearer a b", "a b"),
            ("Bearer", ""),
            ("Basic abc", ""),
            ("Bearerabc", ""),
            ("abc", ""),
        ] {
            assert_eq!(
                shown(&asking(&[("authorization", authorization)])),
                Some(expected.as_bytes()),
                "{authorization}"
            );
        }
        assert_eq!(shown(&asking(&[])), None);
    }

    #[test]
    fn a_listener_answers_to_its_names_and_to_the_addresses_from_which_it_is_reached() {
        let is_answered = |access: Access, on_loopback, host: &str| {
            let guard = Guard { on_loopback, ..Guard::of_router(access) };
            guard.check_host(&asking(&[("host", host)])).is_ok()
        };
        for (host, near, far) in [
            ("localhost", true, true),
            ("LocalHost:9911", true, true),
            ("127.0.0.1:9911", true, true),
            ("127.8.9.10", true, true),
            ("[::1]:9911", true, true),
            ("10.1.2.3:9911", false, true),
            ("[2001:db8::1]", false, true),
            ("Admin.Shop:80", true, true),
            ("admin.shop.evil", false, false),
            ("evil.example", false, false),
            ("", false, false),
        ] {
            let access = || Access::read_only().hosts(["first.shop", "admin.shop"]);
            assert_eq!((is_answered(access(), true, host), is_answered(access(), false, host)), (near, far), "{host}");
        }
        // A router answers to every name, and nobody's page sends none.
        assert!(is_answered(Access::read_only(), false, "evil.example"));
        let named = Guard::of_router(Access::read_only().hosts(["a"]));
        assert!(named.check_host(&asking(&[])).is_ok());
    }

    #[test]
    fn a_page_acts_where_it_was_served_from() {
        let may_act = |headers: &[(&str, &str)]| check_origin(&asking(headers)).is_ok();
        for (origin, expected) in [
            ("http://shop:80", true),
            ("https://Shop:80", true),
            ("http://shop", false),
            ("http://shop:81", false),
            ("ftp://shop:80", false),
            ("shop:80", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(may_act(&[("host", "shop:80"), ("origin", origin)]), expected, "{origin}");
        }
        assert!(may_act(&[("host", "shop:80")]) && may_act(&[]), "no page sends none");
        assert!(!may_act(&[("origin", "http://shop:80")]));
    }

    #[test]
    fn a_token_is_long_visible_and_not_one_character() {
        let token = |text: &str| Token::new(text).map(|token| token.0.to_string());
        let sixteen = "0123456789abcdef";
        assert_eq!(token(sixteen).as_deref(), Ok(sixteen));
        assert_eq!(token(&sixteen[1..]), Err(InvalidToken::TooShort));
        assert_eq!(token("aaaaaaaaaaaaaaaab").as_deref(), Ok("aaaaaaaaaaaaaaaab"));
        assert_eq!(token(&"a".repeat(16)), Err(InvalidToken::OneCharacter));
        for text in ["0123456789 abcdef", "0123456789\nabcdef", "0123456789abcdéf", "0123456789abcde\u{7f}"] {
            assert_eq!(token(text), Err(InvalidToken::NotVisible), "{text:?}");
        }
        let unset = Token::from_env("RESILIENCE_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(unset.to_string(), "the environment variable `RESILIENCE_NO_SUCH_VARIABLE` is not set");
    }

    #[test]
    fn access_is_printed_as_what_it_is() {
        let token = || Token::new("0123456789abcdef").unwrap();
        let own = Access::authorize(|_| Ok(Who::named("ada")));
        let printed = [Access::read_only(), Access::steering(token()), Access::private(token()), own].map(|access| {
            #[cfg(feature = "listen")]
            assert_eq!(access.is_private(), matches!(format!("{:?}", access.keeper).as_str(), "Private" | "Authorize"));
            format!("{:?}", access.keeper)
        });
        assert_eq!(printed, ["ReadOnly", "Steering", "Private", "Authorize"]);
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert!(!format!("{:?}", Access::private(token)).contains("0123"));
    }
}
