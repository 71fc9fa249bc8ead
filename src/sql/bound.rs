//! `Bound`: the values that a caller binds to the parameters of a text.

use super::{Params, parameters};
use crate::error::{Error, ErrorKind};
use crate::model::Parameter;

/// The values of the parameters of the caller's texts, as far as they are bound.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The error is that of the first value that could not be encoded.
    params: Result<Params, Error>,
}

impl Bound {
    /// Returns a list without values.
    pub(crate) fn new() -> Bound {
        Bound { params: Ok(Params::new()) }
    }

    /// Returns what refuses any text with this error.
    pub(crate) fn refused(error: Error) -> Bound {
        Bound { params: Err(error) }
    }

    /// Appends the value of the next parameter.
    pub(crate) fn push<P: Parameter>(&mut self, value: &P) {
        if let Ok(params) = &mut self.params {
            if let Err(error) = params.push_parameter(value) {
                let message = format!("cannot send parameter {}: {error}", params.len() + 1);
                self.params = Err(Error::new(ErrorKind::Encode, message).with_source(error));
            }
        }
    }

    /// Returns the parameters of some texts together. `what` says what the texts are.
    ///
    /// # Errors
    ///
    /// When a value could not be encoded, and when the texts name another number of parameters than
    /// there are values.
    pub(crate) fn into_params<'t>(
        self,
        what: &str,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<Params, Error> {
        match self.params {
            Err(error) => Err(error),
            Ok(_) => {
                self.check(what, texts)?;
                self.params
            }
        }
    }

    /// Returns what [`into_params`](Bound::into_params) returns, for who needs the values again. An error
    /// is a copy without its source; [`take_error`](Bound::take_error) gives the error itself.
    pub(crate) fn check<'t>(
        &self,
        what: &str,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<&Params, Error> {
        let params = self.params.as_ref().map_err(Error::without_source)?;
        let (named, bound) = (texts.into_iter().map(parameters).max().unwrap_or(0), params.len());
        let message = match named.checked_sub(bound) {
            Some(0) => return Ok(params),
            Some(_) => format!("the {what} names ${named}, and {bound} values are bound"),
            None => format!("{bound} values are bound, and the {what} names no more than {named}"),
        };
        Err(Error::new(ErrorKind::Encode, message)
            .with_hint("`bind` gives the values of $1, $2, … in order"))
    }

    /// Returns the error of a value that could not be encoded, if there is one. No value is bound then.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        match std::mem::replace(&mut self.params, Ok(Params::new())) {
            Ok(params) => {
                self.params = Ok(params);
                None
            }
            Err(error) => Some(error),
        }
    }
}
