//! involvements
