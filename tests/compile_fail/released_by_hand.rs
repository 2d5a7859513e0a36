//! No released body is made by hand: its entry would not be durable.
use schoolgate::gate::Released;
use std::marker::PhantomData;

pub fn unrecorded() -> Released<String> {
    Released { status: loop {}, kind: "", body: loop {}, receipt: loop {}, next: None, tag: None, of: PhantomData } //~ E0451
}
