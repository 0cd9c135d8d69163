//! The part of CEL that the corpus uses: a tree, and a reader by recursive descent.

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cel {
    Bool(bool),
    Number(f64),
    Text(String),
    Null,
    /// A variable.
    Name(String),
    /// `a.b`
    Member(Box<Self>, String),
    /// `a[b]`
    Index(Box<Self>, Box<Self>),
    /// `f(a)`
    Call(String, Vec<Self>),
    /// `a.f(b)`
    Method(Box<Self>, String, Vec<Self>),
    List(Vec<Self>),
    Not(Box<Self>),
    Negative(Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    /// `a ? b : c`
    Ternary(Box<Self>, Box<Self>, Box<Self>),
}

impl Cel {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens };
        let cel = reader.ternary()?;
        match reader.tokens.first() {
            None => Ok(cel),
            Some(token) => Err(format!("what is {token:?} in `{text}`?")),
        }
    }

    /// `R.attr.a.b` as `["R", "attr", "a", "b"]`.
    pub(super) fn path(&self) -> Option<Vec<&str>> {
        match self {
            Self::Name(name) => Some(vec![name]),
            Self::Member(of, key) => {
                let mut path = of.path()?;
                path.push(key);
                Some(path)
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Text(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 22] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", "(", ")",
    "[", "]", ",", ".",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_alphabetic() || first == '_' {
            let length = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            found.push(Token::Word(rest[..length].to_owned()));
            length
        } else if first.is_ascii_digit() {
            let length = span(rest, |c| c.is_ascii_digit() || c == '.');
            let number = rest[..length].parse().map_err(|_| format!("no number in `{rest}`"))?;
            found.push(Token::Number(number));
            length
        } else if first == '"' {
            let (text, length) = quoted(rest)?;
            found.push(Token::Text(text));
            length
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| format!("what is `{rest}`?"))?;
            found.push(Token::Symbol(symbol));
            symbol.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn span(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

fn quoted(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, at + 1)),
            '\\' => match letters.next() {
                Some((_, same @ ('\\' | '"'))) => value.push(same),
                other => return Err(format!("the escape {other:?} in `{text}` is not read here")),
            },
            letter => value.push(letter),
        }
    }
    Err(format!("no end of `{text}`"))
}

struct Reader<'a> {
    tokens: &'a [Token],
}

impl Reader<'_> {
    fn eat(&mut self, symbol: &str) -> bool {
        match self.tokens.split_first() {
            Some((Token::Symbol(found), rest)) if *found == symbol => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.eat(symbol) {
            Ok(())
        } else {
            Err(format!("no `{symbol}` before {:?}", self.tokens))
        }
    }

    fn ternary(&mut self) -> Result<Cel, String> {
        let condition = self.binary(0)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let then = self.binary(0)?;
        self.expect(":")?;
        Ok(Cel::Ternary(Box::new(condition), Box::new(then), Box::new(self.ternary()?)))
    }

    /// The loosest level first.
    fn binary(&mut self, level: usize) -> Result<Cel, String> {
        const LEVELS: [&[&str]; 5] = [
            &["||"],
            &["&&"],
            &["==", "!=", "<=", ">=", "<", ">", "in"],
            &["+", "-"],
            &["*", "/", "%"],
        ];
        let Some(symbols) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let found = symbols.iter().copied().find(|symbol| match *symbol {
                "in" => self.eat_word("in"),
                symbol => self.eat(symbol),
            });
            let Some(symbol) = found else { return Ok(left) };
            left = Cel::Binary(symbol, Box::new(left), Box::new(self.binary(level + 1)?));
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        match self.tokens.split_first() {
            Some((Token::Word(found), rest)) if found == word => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn unary(&mut self) -> Result<Cel, String> {
        if self.eat("!") {
            return Ok(Cel::Not(Box::new(self.unary()?)));
        }
        if self.eat("-") {
            return Ok(match self.unary()? {
                Cel::Number(number) => Cel::Number(-number),
                other => Cel::Negative(Box::new(other)),
            });
        }
        let mut cel = self.primary()?;
        loop {
            if self.eat("[") {
                let index = self.ternary()?;
                self.expect("]")?;
                cel = Cel::Index(Box::new(cel), Box::new(index));
            } else if self.eat(".") {
                let Some((Token::Word(name), rest)) = self.tokens.split_first() else {
                    return Err(format!("no name before {:?}", self.tokens));
                };
                self.tokens = rest;
                cel = match self.eat("(") {
                    true => Cel::Method(Box::new(cel), name.clone(), self.list(")")?),
                    false => Cel::Member(Box::new(cel), name.clone()),
                };
            } else {
                return Ok(cel);
            }
        }
    }

    fn primary(&mut self) -> Result<Cel, String> {
        if self.eat("(") {
            let inner = self.ternary()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat("[") {
            return Ok(Cel::List(self.list("]")?));
        }
        let Some((first, rest)) = self.tokens.split_first() else {
            return Err("the text ends too early".to_owned());
        };
        self.tokens = rest;
        Ok(match first {
            Token::Number(number) => Cel::Number(*number),
            Token::Text(text) => Cel::Text(text.clone()),
            Token::Word(word) => match word.as_str() {
                "true" => Cel::Bool(true),
                "false" => Cel::Bool(false),
                "null" => Cel::Null,
                _ if self.eat("(") => Cel::Call(word.clone(), self.list(")")?),
                _ => Cel::Name(word.clone()),
            },
            Token::Symbol(symbol) => return Err(format!("`{symbol}` where an operand should be")),
        })
    }

    fn list(&mut self, end: &str) -> Result<Vec<Cel>, String> {
        let mut members = Vec::new();
        while !self.eat(end) {
            members.push(self.ternary()?);
            if !self.eat(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(members)
    }
}
