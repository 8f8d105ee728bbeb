// The calculator of 04b_tools: Python's arithmetic on whole numbers (BigInt) and floats (Number), and
// 'word'.count('r'). What Python refuses has no result.

const ALLOWED = RegExp(String.raw`^(?:'[^'\\\n]*'|"[^"\\\n]*"|\.count(?![\d_])|[\d\s\x1c-\x1f\x85+\-*/%().]` +
  String.raw`|(?<=\d)[eE_](?=[+\-\d]))*$`, 'u')
const DIGITS = String.raw`\d(?:_?\d)*`
const NUMBER = RegExp(String.raw`(?=\.?\d)(?:${DIGITS})?(?:\.(?:${DIGITS})?)?(?:[eE][+-]?${DIGITS})?`, 'y')
const BLANK = String.raw`(?:(?!\ufeff)[\s\x1c-\x1f\x85])*` // to Python

function refuse() {
  throw Error('not allowed')
}

function calculate(text) { // the result as text, or null
  text = text.replace(RegExp(`^${BLANK}|${BLANK}$`, 'g'), '')
  if (!/['"]/.test(text)) text = text.replace(/(?<=\d),(?=\d{3})/g, '')
  if (!text || text.includes('\0') || [...text].length > 200 || !ALLOWED.test(text)) return null
  try {
    return written(evaluate(text))
  } catch {
    return null
  }
}

// A function per level of precedence, which reads what binds tighter
function evaluate(text) {
  let at = 0, depth = 0 // where we read, in how many parentheses: only there lines may break
  const skip = () => {
    while (' \t\f'.includes(text[at]) || depth && '\r\n'.includes(text[at])) at++
  }
  const take = sign => {
    skip()
    if (!text.startsWith(sign, at)) return false
    at += sign.length
    return true
  }

  function chain(signs, tighter) { // from left to right
    let x = tighter()
    for (let sign; sign = signs.find(take);) x = binary(sign, x, tighter())
    return x
  }
  const sum = () => chain(['+', '-'], product)
  const product = () => chain(['//', '*', '/', '%'], unary)
  function unary() {
    if (take('-')) return -numeric(unary())
    if (take('+')) return numeric(unary())
    const x = count()
    return take('**') ? binary('**', x, unary()) : x
  }
  function count() {
    const x = atom()
    skip()
    if (!text.startsWith('.count', at)) return x
    at += 6
    if (typeof x !== 'string' || !take('(')) refuse()
    const part = inside()
    if (typeof part !== 'string' || !part || text[at] === '.') refuse()
    return BigInt(x.split(part).length - 1)
  }
  function inside() { // parentheses, after the opening one
    depth++
    const x = sum()
    if (!take(')')) refuse()
    depth--
    skip()
    return text[at] === '(' ? refuse() : x
  }
  function atom() {
    if (take('(')) return inside()
    return `'"`.includes(text[at]) ? strings() : literal()
  }
  function strings() { // several in a row are one
    let x = ''
    while (`'"`.includes(text[at])) {
      const three = text[at].repeat(3), quote = text.startsWith(three, at) ? three : text[at]
      const end = text.indexOf(quote, at + quote.length)
      if (end < 0 || !quote[1] && text.slice(at, end).includes('\r')) refuse()
      x += text.slice(at + quote.length, end)
      at = end + quote.length
      skip()
    }
    return x
  }
  function literal() {
    NUMBER.lastIndex = at
    const found = NUMBER.exec(text)?.[0]
    if (!found) refuse()
    at += found.length
    const digits = found.replaceAll('_', '')
    if (/[.eE]/.test(digits)) return checked(Number(digits))
    return /^0+[1-9]/.test(digits) ? refuse() : checked(BigInt(digits))
  }
  const x = sum()
  skip()
  return at < text.length ? refuse() : numeric(x)
}

const size = x => x < 0 ? -x : x
const numeric = x => typeof x === 'string' ? refuse() : x
const checked = x => size(x) <= 1e30 ? x : refuse()

const flips = (rest, y) => rest && rest < 0 !== y < 0 // in Python it has the divisor's sign

// Of whole numbers and of floats
const OPERATIONS = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x*y,
  '/': (x, y) => typeof x === 'bigint' ? quotient(x, y) : x/y,
  '**': (x, y) => x**y,
  '%': (x, y) => {
    const rest = x % y
    return flips(rest, y) ? rest + y : rest
  },
  '//': (x, y) => {
    const rest = x % y, less = flips(rest, y)
    let times = (x - rest)/y
    if (typeof x === 'bigint') return less ? times - 1n : times
    const down = Math.floor(times -= less)
    return down + (times - down > .5) // as CPython does
  },
}

function binary(sign, a, b) {
  const larger = size(numeric(a)) < size(numeric(b)) ? size(b) : size(a)
  if (sign === '**' && (size(b) > 64 || size(a) > 1e6)) refuse()
  if ('/%'.includes(sign[0]) && b == 0) refuse()
  const whole = [a, b].every(x => typeof x === 'bigint') && !(sign === '**' && b < 0n)
  const result = whole ? OPERATIONS[sign](a, b) : OPERATIONS[sign](Number(a), Number(b))
  if ('+-'.includes(sign) && size(result) < 1e-14*Number(larger)) return 0n // only rounding errors are left
  return checked(result)
}

function quotient(a, b) { // correctly rounded
  const exact = 2n**53n, p = size(a), q = size(b)
  if (p <= exact && q <= exact) return Number(a)/Number(b)
  const shift = Math.max(0, 70 - p.toString(2).length + q.toString(2).length), up = p << BigInt(shift)
  const bits = up/q | BigInt(up % q !== 0n) // the last bit says that something is behind it
  return (a < 0n !== b < 0n ? -1 : 1)*Number(bits)*2**-shift
}

// The nearest number with so many digits; of two as near, Python takes the even one
function rounded(x, write) {
  const text = write(x), exact = x.toPrecision(100), behind = exact.slice(text.length).replace('.', '')
  const even = /[13579]$/.test(text) && Math.abs(Number(text)) > Math.abs(x) && /^50*$/.test(behind)
  return Number(even ? exact.slice(0, text.length) : text)
}

function written(x) { // with ten digits behind the point at most
  if (typeof x === 'bigint') return String(x)
  if (!Number.isInteger(x) && Math.abs(x) < 1e15) {
    x = rounded(rounded(x, o => o.toPrecision(15)), o => o.toFixed(10)) || Number(x.toPrecision(10))
  }
  if (Number.isInteger(x)) return wholeDigits(x)
  return Math.abs(x) >= 1e-4 ? String(x) : x.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

function wholeDigits(x) { // and zeros
  const [, sign, first, more = '', exponent] = /^(-?)(\d)\.?(\d*)e\+(\d+)$/.exec(x.toExponential())
  return x === 0 ? '0' : sign + first + more.padEnd(Number(exponent), '0')
}
