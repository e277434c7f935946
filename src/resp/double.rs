//! Doubles.

/// A RESP3 double: `inf`, `-inf`, `nan`, `-nan` in any case, or
/// `[-]digits[.digits][(e|E)[+-]digits]` with a digit before the exponent. Values too large, and
/// values other than zero that would become zero, are refused. Does not depend on the locale.
pub(crate) fn parse_double(line: &[u8]) -> Option<f64> {
    let (negative, magnitude) = match line {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if magnitude.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    if magnitude.eq_ignore_ascii_case(b"inf") {
        return Some(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    let number = Decimal::parse(magnitude)?;
    if let Some(value) = number.exact() {
        return Some(if negative { -value } else { value });
    }
    let value: f64 = core::str::from_utf8(line).ok()?.parse().ok()?;
    let vanished = value == 0.0 && number.has_digit_but_zero;
    (value.is_finite() && !vanished).then_some(value)
}

/// Powers of ten that a double represents exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Digits of which every integer is represented exactly.
const EXACT_DIGITS: usize = 15;

/// A well-formed decimal number without its sign.
struct Decimal {
    /// Its digits as an integer, where they are few enough.
    digits: u64,
    /// How many digits there are, leading zeros too.
    count: usize,
    /// How many of them are behind the point.
    fraction: usize,
    has_digit_but_zero: bool,
    has_exponent: bool,
}

impl Decimal {
    fn parse(number: &[u8]) -> Option<Self> {
        let mut decimal = Self {
            digits: 0,
            count: 0,
            fraction: 0,
            has_digit_but_zero: false,
            has_exponent: false,
        };
        let mut rest = decimal.take_digits(number);
        if let [b'.', behind @ ..] = rest {
            let whole = decimal.count;
            rest = decimal.take_digits(behind);
            decimal.fraction = decimal.count - whole;
        }
        if let [b'e' | b'E', behind @ ..] = rest {
            decimal.has_exponent = true;
            let exponent = match behind {
                [b'+' | b'-', exponent @ ..] => exponent,
                exponent => exponent,
            };
            if exponent.is_empty() {
                return None;
            }
            rest = exponent.get(digits(exponent)..)?;
        }
        (decimal.count > 0 && rest.is_empty()).then_some(decimal)
    }

    /// Adds the digits that `text` begins with; returns what is behind them.
    fn take_digits<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut rest = text;
        while let [digit @ b'0'..=b'9', behind @ ..] = rest {
            self.digits = self
                .digits
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            self.count += 1;
            self.has_digit_but_zero |= *digit != b'0';
            rest = behind;
        }
        rest
    }

    /// The value, where one division of two exactly represented numbers yields it, and so rounds
    /// it correctly. Most doubles are like this.
    fn exact(&self) -> Option<f64> {
        if self.has_exponent || self.count > EXACT_DIGITS {
            return None;
        }
        EXACT_POWERS
            .get(self.fraction)
            .map(|power| self.digits as f64 / power)
    }
}

/// How many digits `bytes` begins with.
fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

#[cfg(test)]
mod tests {
    use super::parse_double;

    #[test]
    fn accepts_the_grammar() {
        for (text, value) in [
            ("0", 0.0),
            ("3.25", 3.25),
            (".5", 0.5),
            ("5.", 5.0),
            ("-.5", -0.5),
            ("007", 7.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("25e-1", 2.5),
            ("0e999", 0.0),
            ("inf", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("5e-324", 5e-324),
            ("1.7976931348623157e308", f64::MAX),
        ] {
            assert_eq!(parse_double(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_double(b"-0").is_some_and(|v| v == 0.0 && v.is_sign_negative()));
        for text in ["nan", "-nan", "NaN"] {
            assert!(
                parse_double(text.as_bytes()).is_some_and(|v| v.is_nan() && v.is_sign_positive())
            );
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "", "-", ".", "-.", "+1", "1e", "1e+", "e5", ".e5", "0x1p3", " 1", "1 ", "infinity",
            "+inf", "1e400", "-1e400", "1e-400", "2e-324", "1.2.3", "1_0", "nan1",
        ] {
            assert_eq!(parse_double(text.as_bytes()), None, "{text}");
        }
    }
}
