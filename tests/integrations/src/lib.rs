//! The programs of the pages in `docs/integrations/`, each compiled, and run where it needs nobody else.

macro_rules! pages {
    ($($page:ident: $file:literal),* $(,)?) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../../docs/integrations/", $file))]
        struct $page;
    )*};
}

pages! {
    Http: "http.md",
    Reqwest: "reqwest.md",
    ReqwestMiddleware: "reqwest-middleware.md",
    Axum: "axum.md",
    Actix: "actix.md",
    Tonic: "tonic.md",
    Sqlx: "sqlx.md",
    Redis: "redis.md",
}
