//! What `stream = true` says: the function answers with a stream, and its call lasts until that ends.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Error, Expr, GenericArgument, Path, PathArguments, ReturnType, Type, TypeParamBound};

use super::{Form, Layer, Stack};
use crate::{error::Errors, syntax};

/// `stream = true`
pub(crate) struct Stream {
    /// Whether the stream is returned as `impl Stream`, for which any other one can be.
    pub(crate) is_opaque: bool,
    /// What its items are, where it is and says so: the body may leave it to the signature.
    pub(crate) item: Option<Type>,
    /// What says which of its items are failures, where not every `Err` is one and nothing else.
    pub(crate) classify_item: Option<Expr>,
    /// The key of the timeout that limits the waits for its items.
    pub(crate) between: Option<Ident>,
}

impl Stream {
    /// As the attributes of a function of that `form` say it, which returns that; and what is wrong with it.
    pub(super) fn check(stack: &mut Stack, form: &Form, output: &ReturnType, errors: &mut Errors) -> Option<Self> {
        let mut betweens = stack.layers.iter().filter_map(|layer| match layer {
            Layer::Timeout(timeout) => timeout.settings.key(&["between"]).cloned(),
            _ => None,
        });
        let classify_item = stack.classify_item.take();
        let Some(stream) = stack.stream.take() else {
            for between in betweens {
                let message = "`between` requires `stream = true`, on this attribute or another one of the function: it limits the waits for the items \
                    of a stream that the function returns";
                errors.push(Error::new(between.span(), message));
            }
            if let Some(classify) = classify_item {
                let message = "`classify_item` requires `stream = true`, on this attribute or another one of the function: it classifies the items of a \
                    stream that the function returns; `classify` classifies what the function itself returns";
                errors.push(Error::new_spanned(classify, message));
            }
            return None;
        };
        if let Some(error) = missing_feature(&stream, cfg!(feature = "stream")) {
            errors.push(error);
        }
        if let Form::Sync = form {
            let message = "a synchronous function cannot have `stream = true`; write `async fn`, which returns `Result<impl Stream<Item = ...>, E>` \
                and need not await anything";
            errors.push(Error::new_spanned(&stream, message));
        }
        let between = betweens.next();
        for twice in betweens {
            let message =
                "another `timeout` of this function has `between` too, and a stream has one reader; remove one of them";
            errors.push(Error::new(twice.span(), message));
        }
        let is_opaque = syntax::has_word(output.to_token_stream(), &|word| word == "impl");
        let item = match output {
            ReturnType::Type(_, returned) => item_of(returned).cloned(),
            ReturnType::Default => None,
        };
        Some(Self { is_opaque, item, classify_item, between })
    }
}

fn missing_feature(stream: &Expr, is_there: bool) -> Option<Error> {
    let message = "`stream = true` requires the feature `stream` of `resilience-runtime`; in Cargo.toml, add `features = [\"stream\"]` to it";
    (!is_there).then(|| Error::new_spanned(stream, message))
}

/// `Price` of `Result<impl Stream<Item = Price>, Error>`.
fn item_of(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Group(group) => item_of(&group.elem),
        Type::Paren(paren) => item_of(&paren.elem),
        Type::ImplTrait(stream) => stream.bounds.iter().find_map(item_in_bound),
        Type::Path(path) => arguments(&path.path).find_map(|argument| match argument {
            GenericArgument::Type(ty) => item_of(ty),
            _ => None,
        }),
        _ => None,
    }
}

fn item_in_bound(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    arguments(&bound.path).find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
        _ => None,
    })
}

/// Those between the angle brackets at the end.
fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    let brackets = path.segments.last().and_then(|last| match &last.arguments {
        PathArguments::AngleBracketed(brackets) => Some(brackets),
        _ => None,
    });
    brackets.into_iter().flat_map(|brackets| &brackets.args)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn the_item_of_a_stream_is_what_the_signature_says() {
        let item = |ty: Type| item_of(&ty).map(|item| item.to_token_stream().to_string());
        for (ty, expected) in [
            (parse_quote!(Result<impl Stream<Item = u8> + Send + use<'a>, Error>), Some("u8")),
            (parse_quote!(io::Result<impl Send + futures::Stream<Item = Row<'a>>>), Some("Row < 'a >")),
            (parse_quote!(Answer<(impl Stream<Item = u8>)>), Some("u8")),
            (parse_quote!(Result<impl Rows, Error>), None),
            (parse_quote!(Result<Pin<Box<dyn Stream<Item = u8>>>, Error>), None),
            (parse_quote!(Answer<BoxStream<'_, u8>>), None),
        ] {
            assert_eq!(item(ty).as_deref(), expected);
        }
    }

    #[test]
    fn without_the_feature_it_is_refused() {
        assert!(missing_feature(&parse_quote!(true), true).is_none());
        let error = missing_feature(&parse_quote!(true), false).unwrap().to_string();
        assert_eq!(
            error,
            "`stream = true` requires the feature `stream` of `resilience-runtime`; in Cargo.toml, add `features = [\"stream\"]` to it"
        );
    }
}
