//! Fuzz targets for every decoder of bytes that a stranger can send: see `tests/fuzz/`.
