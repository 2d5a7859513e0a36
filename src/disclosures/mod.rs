//! disclosures
