//! Prices are whole cents inside; `Decimal` only at the edges.

use rust_decimal::Decimal;

/// 9700 cents as the decimal number 97.00.
pub fn cents_to_decimal(cents: u64) -> Decimal {
    Decimal::from_i128_with_scale(i128::from(cents), 2)
}

/// Whether a decimal number is exactly this many cents; 97, 97.0 and 97.000 are all 9700 cents.
pub fn decimal_equals_cents(decimal: Decimal, cents: u64) -> bool {
    decimal == cents_to_decimal(cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(decimal: &str, cents: u64, expected: bool) {
        let parsed: Decimal = decimal.parse().expect("must succeed");
        assert_eq!(decimal_equals_cents(parsed, cents), expected, "{decimal} and {cents} cents");
    }

    #[test]
    fn compares_whatever_the_scale() {
        check("97.00", 9_700, true);
        check("97", 9_700, true);
        check("97.000000", 9_700, true);
        check("97.001", 9_700, false);
        check("-97.00", 9_700, false);
        check("0", 0, true);
        check("184467440737095516.15", u64::MAX, true);
    }

    #[test]
    fn keeps_two_digits() {
        assert_eq!(cents_to_decimal(9_700).to_string(), "97.00");
        assert_eq!(cents_to_decimal(5).to_string(), "0.05");
    }
}
