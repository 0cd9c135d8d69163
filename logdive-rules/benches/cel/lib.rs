//! Nothing: the benchmark beside it is all there is.
