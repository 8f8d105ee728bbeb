// Elements, and Markdown as elements. Text from a model or a user becomes text nodes, never HTML;
// the page's policy would not even allow it.
const $ = id => document.getElementById(id)
const SVG = ['svg', 'use', 'path', 'line', 'text', 'circle']
function make(tag, attrs = {}, ...children) {
  const el = SVG.includes(tag)
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag)
  for (const [k, v] of Object.entries(attrs))
    k.startsWith('on') ? el.addEventListener(k.slice(2), v) : el.setAttribute(k, v)
  el.append(...children)
  return el
}
const icon = name => make('svg', {class: 'icon', 'aria-hidden': 'true'}, make('use', {href: '#' + name}))
const small = (name, label, onclick) =>
  make('button', {class: 'small', 'aria-label': label, title: label, onclick}, icon(name))
const announce = text => {
  $('status').textContent = ''
  setTimeout(() => ($('status').textContent = text), 50)
}
function update(el, nodes) {
  // make these the children, but touch nothing that stays: a selection would be lost
  nodes = nodes.map(o => (typeof o === 'string' ? document.createTextNode(o) : o))
  while (el.childNodes.length > nodes.length) el.lastChild.remove()
  nodes.forEach((o, i) => {
    const old = el.childNodes[i]
    if (!old) return el.append(o)
    if (o.nodeName === 'DETAILS') o.open = old.open
    if (old === o || (o.nodeType === Node.TEXT_NODE && old.data === o.data)) return
    if (old.nodeType === Node.TEXT_NODE && o.nodeType === Node.TEXT_NODE) {
      let same = 0
      while (same < old.length && old.data[same] === o.data[same]) same++
      old.replaceData(same, old.length - same, o.data.slice(same))
    } else if (o.nodeName === 'INPUT' && old.nodeName === 'INPUT') {
      // somebody may be moving it
      for (const {name, value} of o.attributes) old.setAttribute(name, value)
    } else if (old.cloneNode().isEqualNode(o.cloneNode())) update(old, [...o.childNodes])
    else old.replaceWith(o)
  })
}

// Mathematics stays text: a few commands become the signs that they stand for
const signs = {
  times: '×',
  cdot: '·',
  div: '÷',
  pm: '±',
  le: '≤',
  leq: '≤',
  ge: '≥',
  geq: '≥',
  ne: '≠',
  neq: '≠',
  approx: '≈',
  to: '→',
  infty: '∞',
  sum: '∑',
  int: '∫',
  sqrt: '√',
  pi: 'π',
  alpha: 'α',
  beta: 'β',
  theta: 'θ',
  lambda: 'λ',
  sigma: 'σ'
}
const math = text =>
  text
    .replace(/\\frac\{([^{}]*)\}\{([^{}]*)\}/g, '($1)/($2)')
    .replace(/\\(text|mathrm)\{([^{}]*)\}/g, '$2')
    .replace(/\\([a-z]+)/g, (all, name) => signs[name] ?? all)
    .split(/([\^_](?:\{[^{}]*\}|\w))/)
    .map(o => (/^[\^_]./.test(o) ? make(o[0] === '^' ? 'sup' : 'sub', {}, o.slice(1).replace(/^\{|\}$/g, '')) : o))

const marks = new RegExp(
  [
    /`(?<code>[^`\n]+)`/,
    /\\\((?<m1>[^\n]+?)\\\)/,
    /\$(?=\S)(?<m2>[^$\n]*[^\s$])\$(?!\d)/,
    /\*\*(?=\S)(?<strong>[^*\n]+(?:\*[^*\n]+)*)\*\*/,
    /~~(?<del>[^~\n]+)~~/,
    /(?<![\w*])\*(?=[^\s*])(?<em>[^*\n]*[^\s*])\*(?![\w*])/,
    /(?<![\w_])_(?=[^\s_])(?<em2>[^_\n]*[^\s_])_(?!\w)/,
    /\[(?<name>[^\]\n]+)\]\((?<href>https?:\/\/[^\s)]+)\)/,
    /(?<url>https?:\/\/[^\s<>()]*[\w/])/
  ]
    .map(o => o.source)
    .join('|'),
  'g'
)
const link = (href, ...name) => make('a', {href, rel: 'noreferrer noopener', target: '_blank'}, ...name)
function inline(text) {
  const out = []
  let at = 0
  for (const {0: all, index, groups: g} of text.matchAll(marks)) {
    if (index > at) out.push(text.slice(at, index))
    at = index + all.length
    const em = g.em ?? g.em2,
      formula = g.m1 ?? g.m2
    out.push(
      g.code
        ? make('code', {}, g.code)
        : formula
          ? make('span', {class: 'math'}, ...math(formula))
          : g.strong
            ? make('strong', {}, ...inline(g.strong))
            : g.del
              ? make('del', {}, ...inline(g.del))
              : em
                ? make('em', {}, ...inline(em))
                : g.href
                  ? link(g.href, g.name)
                  : link(g.url, g.url)
    )
  }
  if (at < text.length) out.push(text.slice(at))
  return out
}

const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+/,
  FENCE = /^\s*(`{3,}(?=[^`]*$)|~{3,})(.*)/,
  RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/
const TABLE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/,
  HEAD = /^#{1,6}\s+/,
  DISPLAY = /^\s*(\$\$|\\\[)/
const cells = line =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map(o => o.trim())
function markdown(text, depth = 0) {
  // a list of nodes
  const out = [],
    lines = text.split('\n'),
    more = depth < 9
  const take = (i, good) => {
    let n = i
    while (n < lines.length && good(lines[n], n)) n++
    return n
  }
  const starts = (line, i) =>
    FENCE.test(line) ||
    HEAD.test(line) ||
    RULE.test(line) ||
    DISPLAY.test(line) ||
    (more && (ITEM.test(line) || /^>/.test(line))) ||
    (line.includes('|') && TABLE.test(lines[i + 1] ?? ''))
  for (let i = 0, end; i < lines.length; i = end) {
    const line = lines[i],
      fence = FENCE.exec(line),
      shown = DISPLAY.exec(line)
    end = i + 1
    if (!line.trim()) continue
    if (fence) {
      end = take(i + 1, o => o.trim() !== fence[1])
      out.push(
        make(
          'div',
          {class: 'code'},
          make('div', {}, make('span', {}, fence[2].trim()), make('button', {class: 'copy'}, 'Copy')),
          make('pre', {tabindex: 0}, lines.slice(i + 1, end).join('\n'))
        )
      )
      end++
    } else if (shown) {
      const stop = shown[1] === '$$' ? '$$' : '\\]',
        from = line.indexOf(shown[1]) + 2
      end = line.includes(stop, from) ? i : take(i + 1, o => !o.includes(stop))
      out.push(
        make('div', {class: 'math'}, ...math(lines.slice(i, ++end).join('\n').trim().slice(2).replace(stop, '')))
      )
    } else if (HEAD.test(line)) out.push(make('h3', {}, ...inline(line.replace(HEAD, ''))))
    else if (RULE.test(line)) out.push(make('hr'))
    else if (/^>/.test(line) && more) {
      end = take(i, o => /^>/.test(o))
      out.push(
        make(
          'blockquote',
          {},
          ...markdown(
            lines
              .slice(i, end)
              .map(o => o.replace(/^> ?/, ''))
              .join('\n'),
            depth + 1
          )
        )
      )
    } else if (line.includes('|') && TABLE.test(lines[i + 1] ?? '')) {
      end = take(i + 2, o => o.includes('|'))
      const row = (kind, o) => make('tr', {}, ...cells(o).map(c => make(kind, {}, ...inline(c))))
      out.push(
        make(
          'table',
          {tabindex: 0},
          make('thead', {}, row('th', line)),
          make('tbody', {}, ...lines.slice(i + 2, end).map(o => row('td', o)))
        )
      )
    } else if (ITEM.test(line) && more) {
      const [, pad, mark] = ITEM.exec(line),
        own = o => (m => m && m[1].length <= pad.length)(ITEM.exec(o)),
        items = []
      end = take(
        i,
        (o, n) =>
          own(o) ||
          (n > i && (/^\s+\S/.test(o) || (!o.trim() && (/^\s+\S/.test(lines[n + 1] ?? '') || own(lines[n + 1] ?? '')))))
      )
      for (const o of lines.slice(i, end))
        own(o)
          ? items.push([o.replace(ITEM, '')])
          : items.at(-1).push(o.slice(Math.min(pad.length + 2, o.search(/\S|$/))))
      out.push(
        make(
          /\d/.test(mark) ? 'ol' : 'ul',
          /\d/.test(mark) ? {start: parseInt(mark)} : {},
          ...items.map(o => {
            const nodes = markdown(o.join('\n'), depth + 1)
            return make('li', {}, ...(nodes[0]?.nodeName === 'P' ? [...nodes.shift().childNodes] : []), ...nodes)
          })
        )
      )
    } else {
      end = take(i + 1, (o, n) => o.trim() && !starts(o, n))
      out.push(make('p', {}, ...inline(lines.slice(i, end).join('\n'))))
    }
  }
  return out
}
