// Search, anchors and buttons that copy, for the site that .ci/site.py builds; Quarto brings its own.
const make = (name, attributes, ...inside) => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...inside)
  return element
}

for (const heading of document.querySelectorAll('main :is(h2, h3, h4)[id]')) {
  const label = `Link to ${heading.textContent.trim()}`
  heading.append(make('a', {class: 'anchor', href: `#${heading.id}`, 'aria-label': label}, '#'))
}

for (const block of navigator.clipboard ? document.querySelectorAll('main div.sourceCode') : []) {
  const button = make('button', {class: 'copy', type: 'button', 'aria-label': 'Copy this code'}, 'Copy')
  button.onclick = async () => {
    await navigator.clipboard.writeText(block.querySelector('code').textContent)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 1500)
  }
  block.append(button)
}

const root = document.currentScript.dataset.root
const field = document.getElementById('search')
const results = document.getElementById('results')

function loaded() { // the words of all pages, once they are wanted
  loaded.script ??= new Promise((ready, failed) => {
    const script = make('script', {src: `${root}/search.js`})
    script.onload = ready
    script.onerror = failed
    document.head.append(script)
  })
  return loaded.script
}

function count(words, text) { // how often they occur; 0 unless each of them does
  const times = words.map(word => text.split(word).length - 1)
  return times.every(n => n) ? times.reduce((a, b) => a + b) : 0
}

function rank([, title, heading, text], words) {
  const name = `${title} ${heading}`.toLowerCase()
  if (!count(words, `${name} ${text.toLowerCase()}`)) return 0
  const named = words.filter(word => (heading || title).toLowerCase().includes(word)).length
  const whole = words.filter(word => name.split(/[^\p{L}\d_]+/u).includes(word)).length
  return 20 * named + 20 * whole + Math.min(10, words.reduce((sum, word) => sum + count([word], text.toLowerCase()), 0))
}

function excerpt(text, words) {
  const places = words.map(word => text.toLowerCase().indexOf(word)).filter(at => at >= 0)
  const at = Math.max(0, Math.min(...places, text.length) - 50)
  return places.length ? `${at ? '…' : ''}${text.slice(at, at + 140)}…` : text.slice(0, 140)
}

async function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length) await loaded()
  const ranked = words.length ? SECTIONS.map(o => [rank(o, words), o]).filter(([n]) => n) : []
  ranked.sort(([a], [b]) => b - a)
  const items = ranked.slice(0, 12).map(([, [path, title, heading, text]]) => {
    const link = make('a', {href: `${root}/${path}`}, heading ? `${title}: ${heading}` : title)
    return make('li', {}, link, make('p', {}, excerpt(text, words)))
  })
  const nothing = words.length && !items.length ? [make('li', {}, 'Nothing found')] : []
  results.replaceChildren(...items, ...nothing)
  results.hidden = !words.length
}

field.addEventListener('focus', loaded)
field.addEventListener('input', search)
field.form.addEventListener('submit', event => {
  event.preventDefault()
  results.querySelector('a')?.click()
})
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !results.hidden) {
    results.hidden = true
    field.focus()
  }
})
document.addEventListener('click', event => { if (!event.target.closest('form')) results.hidden = true })
