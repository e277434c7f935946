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
    let mantissa = decimal_mantissa(magnitude)?;
    let value: f64 = core::str::from_utf8(line).ok()?.parse().ok()?;
    let vanished = value == 0.0 && mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    (value.is_finite() && !vanished).then_some(value)
}

/// The part of a decimal number before its exponent, where the whole is well-formed.
fn decimal_mantissa(number: &[u8]) -> Option<&[u8]> {
    let whole = digits(number);
    let (mut at, mut count) = (whole, whole);
    if number.get(at) == Some(&b'.') {
        let fraction = number.get(at + 1..).map_or(0, digits);
        at += 1 + fraction;
        count += fraction;
    }
    let mantissa = number.get(..at)?;
    if matches!(number.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(number.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let exponent = number.get(at..).map_or(0, digits);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    (count > 0 && at == number.len()).then_some(mantissa)
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
