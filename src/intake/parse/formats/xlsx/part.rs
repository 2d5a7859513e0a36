//! A part's XML as tokens, each within a limit. A document type is refused, so that no entity is anybody's but XML's own.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::super::super::report::SpreadsheetError;
use super::archive::Part;

/// Bytes of one token. A cell has at most 32,767 characters, each of which may be written in ten.
const TOKEN_MAX_BYTES: usize = 512 * 1024;

/// What comes next.
pub(super) enum Token<'x> {
    Open(Tag<'x>),
    /// The end of an element, by its local name.
    Close(String),
    Text(Cow<'x, str>),
    /// Something that has no bearing on cells.
    Nothing,
    Ended,
}

/// The beginning of an element.
pub(super) struct Tag<'x>(BytesStart<'x>);

impl Tag<'_> {
    /// Its name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// An attribute by its local name.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, SpreadsheetError> {
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| SpreadsheetError::Broken)?;
            if attribute.key.local_name().into_inner() == name {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                return Ok(Some(value.map_err(|_| SpreadsheetError::Broken)?.into_owned()));
            }
        }
        Ok(None)
    }
}

/// The tokens of a part.
pub(super) struct Xml<'s> {
    reader: Reader<Metered<'s>>,
    token: Vec<u8>,
}

impl<'s> Xml<'s> {
    pub(super) fn new(part: Part<'s>) -> Self {
        let mut reader =
            Reader::from_reader(Metered { inner: BufReader::with_capacity(64 * 1024, part), left: 0 });
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        // Names are compared by those who look for them; a stack of them would grow with the nesting.
        config.check_end_names = false;
        Self { reader, token: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Result<Token<'_>, SpreadsheetError> {
        self.token.clear();
        self.reader.get_mut().left = TOKEN_MAX_BYTES;
        let event = self.reader.read_event_into(&mut self.token).map_err(|_| SpreadsheetError::Broken)?;
        Ok(match event {
            Event::Start(tag) | Event::Empty(tag) => Token::Open(Tag(tag)),
            Event::End(tag) => Token::Close(tag.local_name().into_inner().to_owned()),
            Event::Text(text) => Token::Text(text.xml10_content()),
            Event::CData(text) => Token::Text(text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "apos" => '\'',
                    "quot" => '"',
                    _ => reference.resolve_char_ref().ok().flatten().ok_or(SpreadsheetError::Broken)?,
                };
                Token::Text(Cow::Owned(character.to_string()))
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Token::Nothing,
            Event::DocType(_) => return Err(SpreadsheetError::Broken),
            Event::Eof => Token::Ended,
        })
    }
}

/// A part that gives at most so many bytes for one token.
struct Metered<'s> {
    inner: BufReader<Part<'s>>,
    left: usize,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl BufRead for Metered<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other("the token is too long"));
        }
        let left = self.left;
        let waiting = self.inner.fill_buf()?;
        Ok(waiting.get(..left).unwrap_or(waiting))
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}
