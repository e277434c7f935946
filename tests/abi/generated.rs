//! C programs made from the ABI data: they compile (as C and as C++) only if the headers agree with it.

use serde_json::Value;
use std::fmt::Write;

const HEADERS: &str = "#include <hiredis/alloc.h>\n#include <hiredis/async.h>\n#include <hiredis/hiredis.h>\n\
    #include <hiredis/hiredis_ssl.h>\n#include <hiredis/read.h>\n#include <hiredis/sds.h>\n#include <hiredis/sockcompat.h>\n\
    #include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n";

const C_OR_CPP: &str = "#ifdef __cplusplus\n#include <type_traits>\n#define _Static_assert static_assert\n\
    #define SAME(a, b) std::is_same<a, b>::value\n#else\n\
    #define SAME(a, b) __builtin_types_compatible_p(a, b)\n#endif\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the data is JSON")
}

/// Members of a JSON object that must be one.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().expect("an object").iter()
}

/// Size, alignment, the place of every field and its type; then the typedefs.
pub(super) fn layouts() -> String {
    let data = json(include_str!("layout-x86_64.json"));
    let mut code = format!("{HEADERS}{C_OR_CPP}");
    for (_, layout) in members(&data["structs"]) {
        let name = layout["c_type"].as_str().expect("a type");
        claim(&mut code, &format!("sizeof({name}) == {}", layout["size"]));
        claim(
            &mut code,
            &format!("__alignof__({name}) == {}", layout["align"]),
        );
        for (field, facts) in members(&layout["fields"]) {
            let c_type = facts[2].as_str().expect("a type");
            claim(
                &mut code,
                &format!("offsetof({name}, {field}) == {}", facts[0]),
            );
            if c_type.ends_with("[]") {
                continue;
            }
            claim(
                &mut code,
                &format!("sizeof((({name} *)0)->{field}) == {}", facts[1]),
            );
            if !c_type.contains("{...}") {
                same(
                    &mut code,
                    &format!("__typeof__((({name} *)0)->{field})"),
                    c_type,
                );
            }
        }
    }
    for (name, size) in members(&data["enum_size"]) {
        claim(
            &mut code,
            &format!("sizeof({}) == {size}", name.replacen('_', " ", 1)),
        );
    }
    for (name, c_type) in members(&data["typedef"]) {
        same(&mut code, name, c_type.as_str().expect("a type"));
    }
    code + "int main(void) { return 0; }\n"
}

fn claim(code: &mut String, condition: &str) {
    let _ = writeln!(code, "_Static_assert({condition}, \"{condition}\");");
}

fn same(code: &mut String, found: &str, expected: &str) {
    let _ = writeln!(
        code,
        "_Static_assert(SAME({found}, {expected}), \"{found} is {expected}\");"
    );
}

/// A constant that is ours alone: its value, or absent.
struct Exception {
    name: &'static str,
    value: &'static str,
}

fn exceptions() -> Vec<Exception> {
    let lines = include_str!("exceptions.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [name, value, why] if !why.is_empty() => Exception { name, value },
            _ => panic!("not three fields: {line:?}"),
        })
        .collect()
}

impl Exception {
    fn covers(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }
}

/// Every constant has its value, is a macro if programs may ask `#ifdef`, and an exception is still one.
pub(super) fn constants() -> String {
    let data = json(include_str!("constants.json"));
    let exceptions = exceptions();
    for exception in &exceptions {
        assert!(
            members(&data).any(|(name, _)| exception.covers(name)),
            "{} covers nothing",
            exception.name
        );
    }
    let mut code = format!(
        "{HEADERS}#include <hiredis/adapters/libevent.h>\n#include <hiredis/adapters/libsdevent.h>\n\
        #include <hiredis/adapters/poll.h>\n{C_OR_CPP}\
        #define TOKENS(x) #x\n#define TEXT(x) TOKENS(x)\n"
    );
    let mut texts = String::new();
    for (name, value) in members(&data) {
        let exception = exceptions.iter().find(|exception| exception.covers(name));
        let value = exception.map_or(value.to_string(), |exception| exception.value.to_string());
        if value == "-" {
            let _ = writeln!(
                code,
                "#ifdef {name}\n#error {name} is defined: take it out of exceptions.txt\n#endif"
            );
            continue;
        }
        // The connection types are an enum, and so are the errors of TLS contexts.
        if !name.starts_with("REDIS_CONN_") && !name.starts_with("REDIS_SSL_CTX_") {
            let _ = writeln!(code, "#ifndef {name}\n#error {name} is not a macro\n#endif");
        }
        if value.starts_with('"') {
            // These are bare tokens, not C strings.
            let _ = writeln!(
                texts,
                "    if (strcmp(TEXT({name}), {value}) != 0) return 1;"
            );
        } else {
            claim(&mut code, &format!("{name} == {value}"));
        }
    }
    format!("{code}int main(void) {{\n{texts}    return 0;\n}}\n")
}

/// Header and prototype of every export; the header is `-` where no installed one declares it.
fn declarations() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("prototypes.txt")
        .lines()
        .map(|line| line.split_once('\t').expect("header TAB prototype"))
}

/// The identifier that a prototype declares.
fn declared(prototype: &str) -> &str {
    let end = prototype.find(['(', ';']).expect("a declaration");
    prototype[..end].rsplit([' ', '*']).next().expect("a name")
}

/// A main function that needs the address of each of these.
fn main_with<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let addresses: String = names
        .map(|name| format!("    (void *)&{name},\n"))
        .collect();
    format!(
        "static void *const addresses[] = {{\n{addresses}}};\n\
         int main(void) {{\n    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)\n        \
         if (*(void *const volatile *)&addresses[i] == NULL) return 1;\n    return 0;\n}}\n"
    )
}

/// The installed headers declare every name.
pub(super) fn names() -> String {
    let installed = declarations().filter(|(header, _)| *header != "-");
    format!(
        "{HEADERS}{}",
        main_with(installed.map(|(_, prototype)| declared(prototype)))
    )
}

/// Every prototype may be declared once more, which it may only with the same type; and each is in the library.
pub(super) fn prototypes() -> String {
    let all: String = declarations()
        .map(|(_, prototype)| format!("{prototype}\n"))
        .collect();
    let main = main_with(declarations().map(|(_, prototype)| declared(prototype)));
    format!(
        "{HEADERS}#ifdef __cplusplus\nextern \"C\" {{\n#endif\n{all}#ifdef __cplusplus\n}}\n#endif\n{main}"
    )
}
