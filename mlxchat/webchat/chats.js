// Conversations: each under a key of its own in this browser, so that two tabs never overwrite one another. Messages
// form a tree: who edits or regenerates adds a branch beside the others, and `on` says which one is shown.
const KEY = 'mlxchat.chat.',
  ROLES = ['user', 'assistant'],
  KINDS = ['text', 'python', 'python_output']
const uid = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 8)
const blank = () => ({id: uid(), title: '', at: Date.now(), root: {next: [], on: 0}})
const string = s => (typeof s === 'string' ? s : '')
const list = l => (Array.isArray(l) ? l : [])
const whole = n => (Number.isInteger(n) && n > 0 ? n : 0)
const voice = o => ({
  facts: string(o.facts),
  from: whole(o.from),
  open: o.open === true,
  parts: list(o.parts)
    .filter(p => KINDS.includes(p?.type) && typeof p.text === 'string')
    .map(({type, text}) => ({type, text}))
})
function tree(o) {
  // what was kept or imported may be damaged
  const next = list(o.next)
    .filter(t => ROLES.includes(t?.role))
    .map(tree)
    .filter(t => t.parts.length)
  return {
    id: string(o.id) || uid(),
    role: o.role,
    ...voice(o),
    ...(o.beside ? {beside: voice(o.beside)} : {}),
    next,
    on: Math.min(whole(o.on), Math.max(0, next.length - 1))
  }
}
const chatOf = o => ({
  id: string(o.id).replace(/\W/g, '') || uid(),
  title: string(o.title),
  at: whole(o.at) || Date.now(),
  root: tree(o.root ?? {})
})
const inside = t => (t.parts ? plain(t) + '\n' : '') + t.next.map(inside).join('')
const titleOf = o => o.title || inside(o.root).trim().split('\n')[0].slice(0, 80) || 'Empty'
const kept = new Map() // key -> what it held and what that means, so that a list need not read everything again
function read(key) {
  const raw = localStorage.getItem(key)
  if (kept.get(key)?.raw !== raw)
    try {
      const chat = chatOf(JSON.parse(raw))
      kept.set(key, {raw, chat, text: inside(chat.root).toLowerCase()})
    } catch {
      return null
    }
  return kept.get(key)
}
function chats() {
  // the newest first
  try {
    return Object.keys(localStorage)
      .filter(k => k.startsWith(KEY))
      .map(read)
      .filter(o => o)
      .sort((a, b) => b.chat.at - a.chat.at)
  } catch {
    return []
  }
}
const size = t => [t, t.beside].reduce((n, o) => n + (o ? JSON.stringify(o.parts).length : 0), 0)
function merge(mine, other) {
  // branches that another tab has added, and answers that have grown there
  for (const o of other.next) {
    const same = mine.next.find(t => t.id === o.id)
    if (!same) {
      mine.next.push(o)
      continue
    }
    if (size(o) > size(same)) Object.assign(same, voice(o), o.beside ? {beside: o.beside} : {})
    merge(same, o)
  }
}
const PASSING = ['el', 'editing', 'done', 'waits', 'now'] // what is shown and not kept
const written = chat =>
  JSON.stringify(chat, (k, v) =>
    PASSING.includes(k) ? undefined : k === 'next' ? v.filter(t => t.parts.some(p => p.text)) : v
  )
function put(key, raw) {
  try {
    localStorage.setItem(key, raw)
  } catch {
    toast('This browser has no more room: export conversations and delete some, or the newest words will be lost.')
  }
}
function keep(chat = here) {
  if (!chat.root.next.some(t => t.parts.length)) return
  try {
    const there = read(KEY + chat.id)
    if (there) {
      merge(chat.root, there.chat.root)
      chat.title = chat.named ? chat.title : there.chat.title
    }
  } catch {}
  chat.at = Date.now()
  put(KEY + chat.id, written({...chat, named: undefined}))
  listChats()
}
let here = blank()
const session = {
  get: k => {
    try {
      return sessionStorage.getItem('mlxchat.' + k)
    } catch {}
  },
  set: (k, v) => {
    try {
      sessionStorage.setItem('mlxchat.' + k, v)
    } catch {}
  }
}
function openChat(chat) {
  stop()
  show('chat')
  problem = null
  here = chat ? chatOf(JSON.parse(written(chat))) : blank() // never the object that the list remembers
  session.set('here', here.id)
  $('log').replaceChildren()
  drawAll()
  toEnd()
  listChats()
  if (narrow()) fold(true)
}
$('new-chat').onclick = () => {
  openChat()
  $('text').focus()
  announce('A new conversation')
}

// The list of them
function listChats() {
  const wanted = $('find').value.trim().toLowerCase(),
    rows = [],
    day = t => new Date(t).toDateString()
  if ($('chats').querySelector('.edit')) return
  let when = ''
  for (const {chat, text} of chats()) {
    if (wanted && !titleOf(chat).toLowerCase().includes(wanted) && !text.includes(wanted)) continue
    const group =
        day(chat.at) === day(Date.now()) ? 'Today' : day(chat.at) === day(Date.now() - 864e5) ? 'Yesterday' : 'Earlier',
      title = titleOf(chat)
    if (group !== when) rows.push(make('li', {}, make('h3', {}, (when = group))))
    const open = make('button', {class: 'open', title, ...(chat.id === here.id ? {'aria-current': 'true'} : {})}, title)
    rows.push(
      make(
        'li',
        {'data-id': chat.id, class: chat.id === here.id ? 'here' : ''},
        open,
        small('pen', 'Rename: ' + title),
        small('bin', 'Delete: ' + title)
      )
    )
  }
  const all = rows.filter(o => o.dataset.id),
    stop = all.find(o => o.className) ?? all[0] // the list is one stop of the tab key
  for (const o of all) for (const b of o.children) b.tabIndex = o === stop ? 0 : -1
  update(
    $('chats'),
    rows.length
      ? rows
      : [make('li', {}, make('h3', {}, wanted ? 'Nothing found' : 'Conversations are kept in this browser.'))]
  )
}
$('chats').addEventListener('click', e => {
  const row = e.target.closest('li'),
    button = e.target.closest('button'),
    key = KEY + row?.dataset.id,
    found = button && read(key)
  if (!found) return
  const i = [...row.children].indexOf(button)
  if (i === 0) {
    openChat(found.chat)
    $('text').focus()
  } else if (i === 1) rename(row, key, found.chat)
  else remove(key, found)
})
$('chats').addEventListener('keydown', e => {
  // arrows go through the list
  const all = [...$('chats').querySelectorAll('.open')],
    i = all.indexOf(e.target),
    act = {F2: 1, Delete: 2}[e.key]
  const to = all[i + ({ArrowDown: 1, ArrowUp: -1}[e.key] ?? NaN)]
  if (i < 0 || !(act || to)) return
  e.preventDefault()
  if (act) e.target.parentNode.children[act].click()
  else to.focus()
})
function rename(row, key, chat) {
  const box = make('input', {class: 'edit', 'aria-label': 'Name of the conversation', maxlength: 80})
  box.value = titleOf(chat)
  let left = false
  const leave = title => {
    if (left) return
    left = true
    row.replaceChildren()
    if (title !== undefined) put(key, written({...chat, title: title.trim()}))
    if (title !== undefined && chat.id === here.id) here.title = title.trim()
    listChats()
    ;[...$('chats').children].find(o => o.dataset.id === chat.id)?.children[1]?.focus()
  }
  box.addEventListener('keydown', e => {
    if (e.key === 'Enter' && !e.isComposing) {
      e.preventDefault()
      leave(box.value)
    } // else it would press what gets the focus
    if (e.key === 'Escape') {
      e.stopPropagation()
      leave()
    }
  })
  box.addEventListener('blur', () => leave(box.value))
  row.replaceChildren(box)
  box.select()
}
function remove(key, {raw, chat}) {
  if (chat.id === here.id) openChat()
  try {
    localStorage.removeItem(key)
  } catch {}
  listChats()
  $('find').focus()
  toast(`Deleted “${titleOf(chat)}”.`, 'Undo', () => {
    put(key, raw)
    openChat(read(key).chat)
  })
}
let fading = 0
function toast(text, word, act) {
  clearTimeout(fading)
  $('toast').hidden = false
  const button = make(
    'button',
    {
      onclick: () => {
        $('toast').hidden = true
        act()
      }
    },
    word ?? ''
  )
  $('toast').replaceChildren(text, ...(word ? [' ', button] : []))
  fading = setTimeout(() => ($('toast').hidden = true), 12000)
}
function fold(away = !document.body.classList.contains('folded')) {
  document.body.classList.toggle('folded', away)
  $('fold').setAttribute('aria-expanded', !away)
  $('veil').hidden = away
  if (!narrow()) store.set('folded', away)
}
$('fold').onclick = () => fold()
$('veil').onclick = () => fold(true)
$('find').addEventListener('input', listChats)
$('side').addEventListener('keydown', e => {
  if (e.key === 'Escape' && narrow()) {
    fold(true)
    $('fold').focus()
  }
})

// Export and import: JSON keeps all branches, Markdown the one that is shown
function download(name, text, type) {
  const a = make('a', {href: URL.createObjectURL(new Blob([text], {type})), download: name})
  document.body.append(a)
  a.click()
  a.remove()
  setTimeout(() => URL.revokeObjectURL(a.href), 60000)
}
const MARK = /^\\*(<!-- (user|assistant) -->|```(tool|result))$/gm,
  /* behind a backslash where it is text */ TOOL = {python: 'tool', python_output: 'result'}
const fenced = ({type, text}) =>
  type === 'text' ? text.replace(MARK, '\\$&') : '\n```' + TOOL[type] + '\n' + text + '\n```\n'
const toMarkdown = chat =>
  `# ${titleOf(chat)}\n` +
  turns
    .map(t => `\n<!-- ${t.role} -->\n**${t.role === 'user' ? 'You' : 'Model'}:**\n\n${t.parts.map(fenced).join('')}\n`)
    .join('')
function fromMarkdown(text) {
  const chat = blank(),
    pieces = text.replace(/\r/g, '').split(/^<!-- (user|assistant) -->\n(?:\*\*\w+:\*\*\n\n?)?/m)
  let at = chat.root
  chat.title = /^# (.+)/.exec(pieces[0])?.[1].slice(0, 80) ?? ''
  for (let i = 1; i < pieces.length; i += 2) {
    const parts = pieces[i + 1].trimEnd().split(/^```(tool|result)\n([\s\S]*?)\n```\n?/m),
      said = []
    for (let k = 0; k < parts.length; k += 3) {
      const words = parts[k]
        .replace(/^\\(\\*(<!-- (user|assistant) -->|```(tool|result)))$/gm, '$1')
        .replace(/\n$/, k + 1 < parts.length ? '' : '$&')
      if (words) said.push({type: 'text', text: words})
      if (k + 1 < parts.length)
        said.push({type: parts[k + 1] === 'tool' ? 'python' : 'python_output', text: parts[k + 2]})
    }
    const turn = {id: uid(), role: pieces[i], parts: said, facts: '', next: [], on: 0}
    at.next.push(turn)
    at = turn
  }
  return chat
}
$('export-json').onclick = () =>
  download(
    'mlxchat.json',
    JSON.stringify({mlxchat: 1, conversations: chats().map(o => o.chat)}, null, 1),
    'application/json'
  )
$('export-md').onclick = () =>
  turns.length
    ? download('conversation.md', toMarkdown(here), 'text/markdown')
    : toast('There is nothing in this conversation yet.')
$('import').onclick = () => $('file').click()
$('file').onchange = async () => {
  const found = []
  for (const f of $('file').files)
    try {
      const text = await f.text()
      for (const o of f.name.endsWith('.json') ? list(JSON.parse(text).conversations) : [fromMarkdown(text)])
        found.push(chatOf(o))
    } catch {}
  const good = found.filter(o => o.root.next.length)
  for (const o of good) {
    // one that is here already gets what is new
    const there = read(KEY + o.id)
    if (there) merge(o.root, there.chat.root)
    put(KEY + o.id, written(o))
  }
  $('file').value = ''
  if (good.length) openChat(good[0])
  toast(
    good.length
      ? `Imported ${good.length === 1 ? 'a conversation' : count(good.length) + ' conversations'}.`
      : 'There is no conversation in that: JSON or Markdown of this page is wanted.'
  )
}

// Nothing is lost: drafts and half answers stay when the page is closed, other tabs tell what they have added
addEventListener('pagehide', () => {
  session.set('draft', $('text').value)
  if (answering) keep()
})
addEventListener('storage', e => {
  if (!e.key?.startsWith(KEY)) return
  const there = e.newValue && e.key === KEY + here.id && read(e.key)
  if (there && !answering) {
    merge(here.root, tree(there.chat.root))
    here.title = there.chat.title
    drawAll()
  }
  listChats()
})
