//! A figure that is not a time, such as a ratio, as Criterion measures it.

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter};

/// The benchmark computes the figure itself, with `iter_custom`; this is its unit.
pub(crate) struct Figure(pub(crate) &'static str);

impl Measurement for Figure {
    type Intermediate = ();
    type Value = f64;

    fn start(&self) {
        panic!("a figure is measured by `iter_custom`");
    }

    fn end(&self, (): ()) -> f64 {
        0.0
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Figure {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str {
        self.0
    }

    fn scale_throughputs(&self, _: f64, _: &Throughput, _: &mut [f64]) -> &'static str {
        self.0
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        self.0
    }
}
