"Build the site into `_docs` and README.md: by Quarto where it is installed, else the same pages by pandoc"
import base64, html, json, os, re, shutil, subprocess, sys
from pathlib import Path
import pypandoc, yaml
from nbdev import doclinks, quarto
from nbdev.config import get_config
from nbdev.serve import proc_nbs
from front import show_demo

here, site, proc, cfg = Path(__file__).parent, Path('_docs'), Path('_proc'), get_config()
by_nbdev = doclinks.NbdevLookup.linkify

def linked(lookup, md):
    "Markdown with links from symbols to their pages, as nbdev makes them, except in the text of another link"
    inner = r'\[(`[^`\n]+`)\]\([^()\s]+\)'
    outer = rf'\[((?:[^\[\]]|{inner})+)\](?=\([^()\s]+\))'
    return md and re.sub(outer, lambda m: '[' + re.sub(inner, r'\1', m[1]) + ']', by_nbdev(lookup, md))

doclinks.NbdevLookup.linkify = linked # in the processes that nbdev starts, too: they import this file

def by_quarto():
    "What `nbdev_docs` does, and its warnings count as errors"
    for tool in 'nbdev_readme', 'nbdev_docs':
        p = subprocess.run([sys.executable, __file__, tool], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(p.stdout)
        if p.returncode or re.search(r'\bWARN', p.stdout): sys.exit(f'{tool} failed or warned')

def process():
    "Fill `_proc` with notebooks as nbdev hands them to Quarto: title found, `show_doc` run, symbols linked"
    quarto.refresh_quarto_yml()
    doclinks._build_modidx()
    quarto.nbdev_sidebar.__wrapped__()
    proc_nbs(n_workers=1)

def text(o): return o if isinstance(o, str) else ''.join(o)
def fence(s, attrs=''): return f'{"`"*12} {attrs}\n{s.rstrip()}\n{"`"*12}\n'

def in_words(src, before):
    "What a plot shows, for those who cannot see it: `#| fig-alt`, or its labels and the sentence that announces it"
    if said := re.search(r'^#\|\s*fig-alt:\s*(.*?)\s*$', src, re.M): return said[1].strip('"')
    words = {}
    for k, v in re.findall(r"\b(?:set_)?(title|[xy]label)\s*[(=]\s*'([^'{}]+)'", src): words.setdefault(k, v)
    axes = ' against '.join(words[k] for k in ('ylabel', 'xlabel') if k in words)
    prose = re.sub(r'\$\$.*?\$\$|```.*?```|^\|.*$', '', before, flags=re.S|re.M).strip().split('\n\n')[-1]
    plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', prose)
    sentence = re.split(r'(?<=[.?!:])\s', re.sub(r'[`*$#<>|\\]', '', plain).strip())[-1]
    return '. '.join(o.rstrip('.:') for o in (words.get('title'), axes, sentence) if o) or 'A picture'

def output_md(out, name, files, alt=''):
    "Markdown for one output of a cell; pictures go to `files` under `name`"
    kind = out['output_type']
    if kind == 'error': sys.exit(f"{name}: a stored error {out['ename']}: {out['evalue']}")
    if kind == 'stream':
        shown = re.sub(r'[^\n]*\r(?!\n)', '', text(out['text'])) # progress bars: their last state
        return f'::: {{.cell-output .{out["name"]}}}\n{fence(shown)}:::\n'
    data = out['data']
    if 'text/html' in data: body = fence(text(data['text/html']), '{=html}')
    elif 'text/markdown' in data: # nbdev links symbols in the comments of a signature too, where a link is only noise
        body = re.sub(r'^```python\n.*?^```', lambda m: re.sub(r'\[(`[^`]+`)\]\(\S*?\)', r'\1', m[0]), text(data['text/markdown']), flags=re.M|re.S)
    elif 'image/svg+xml' in data: files[f'{name}.svg'], body = text(data['image/svg+xml']).encode(), fence(f'<img src="{name}.svg" alt="{html.escape(alt)}">', '{=html}')
    elif picture := next((k for k in ('image/png', 'image/jpeg') if k in data), None):
        path = f'{name}.{picture[6:]}'
        files[path], body = base64.b64decode(text(data[picture])), fence(f'<img src="{path}" alt="{html.escape(alt)}">', '{=html}')
    else: body = fence(text(data['text/plain']))
    return f'::: {{.cell-output}}\n{body}\n:::\n'

def cell_md(cell, name, files, before):
    "Markdown for a cell, as its `#|` options want it; `before` is the prose above it"
    src = text(cell['source'])
    if cell['cell_type'] != 'code': return src
    opts = dict(re.findall(r'^#\|\s*([\w-]+):\s*(.*?)\s*$', src, re.M))
    alt = in_words(src, before)
    src = re.sub(r'^#\|.*\n?', '', src, flags=re.M).strip('\n')
    if opts.get('include') == 'false': return ''
    code = fence(src, '{.python}') if src and opts.get('echo') != 'false' else ''
    if code and opts.get('code-fold') in ('true', 'show'):
        is_open = ' open' if opts['code-fold'] == 'show' else ''
        code = f'<details{is_open}><summary>{opts.get("code-summary", "Code").strip(chr(34))}</summary>\n\n{code}\n</details>\n'
    outs = [output_md(o, f'{name}-output-{i}', files, alt) for i, o in enumerate(cell['outputs'], 1)]
    if opts.get('output') == 'false': outs = []
    if opts.get('output') == 'asis': outs = [re.sub(r'^:::.*\n|^`{12}.*\n', '', o, flags=re.M) for o in outs]
    return '\n'.join([code, *outs])

def notebook_md(path):
    "Front matter, markdown and the files of a processed notebook"
    files, folder = {}, f'{path.stem}_files/figure-html'
    front, *cells = json.loads(path.read_text('utf-8'))['cells']
    parts, before = [], ''
    for i, c in enumerate(cells, 1):
        if c['cell_type'] != 'code': before = text(c['source'])
        parts.append(cell_md(c, f'{folder}/cell-{i}', files, before))
    return yaml.safe_load(text(front['source']).strip().strip('-')), '\n\n'.join(parts), files

def pandoc(name, md, *args, **meta):
    "What pandoc makes of `md`; a warning about `name` ends the build"
    args = [pypandoc.get_pandoc_path(), '-f', 'markdown-implicit_figures', '--fail-if-warnings', *args, *(f'-V{k}={v}' for k, v in meta.items())]
    p = subprocess.run(args, input=md, stdout=subprocess.PIPE, text=True, encoding='utf-8')
    return p.stdout if p.returncode == 0 else sys.exit(f'{name}: pandoc failed or warned')

def contents(items):
    "The notebooks of sidebar.yml, whose sections may have sections, in their order"
    for o in items: yield from [o] if isinstance(o, str) else contents(o['contents'])

def navigation(items, page, pages):
    "The sidebar of a page: links, and sections that are open where the page is in them"
    for o in items:
        if isinstance(o, str):
            target, front, _ = pages[o]
            yield link(page, front, target, **({'aria-current': 'page'} if target == page else {}))
        else:
            here = any(pages[p][0] == page for p in contents(o['contents']))
            yield f'<details{" open" if here else ""}><summary>{o["section"]}</summary>'
            yield from navigation(o['contents'], page, pages)
            yield '</details>'

def sections(page, out):
    "For the search: address, page, heading and words of each section of a page"
    body = out[out.index('<h1>'):out.index('<footer>')]
    body = re.sub(r'<(pre|svg|style|script|annotation|summary)\b.*?</\1>', ' ', body, flags=re.S)
    def words(o): return ' '.join(html.unescape(re.sub(r'<[^>]+>', '', o)).split())
    title = words(re.search(r'<h1>(.*?)</h1>', body, re.S)[1])
    start, *rest = re.split(r'<h[2-4][^>]*\bid="([^"]+)"[^>]*>(.*?)</h[2-4]>', body, flags=re.S)
    yield page.as_posix(), title, '', words(start)[len(title):].strip()
    for at, heading, body in zip(*[iter(rest)]*3): yield f'{page.as_posix()}#{at}', title, words(heading), words(body)

def front_md(front): return f'---\n{yaml.dump({k: front[k] for k in ("title", "description") if k in front})}---\n\n'

def link(page, front, path, **attrs):
    attrs = ''.join(f' {k}="{v}"' for k, v in attrs.items())
    return f'<a href="{os.path.relpath(path, page.parent)}"{attrs}>{front["title"]}</a>'

def by_pandoc():
    process()
    shutil.copytree(proc, site, ignore=shutil.ignore_patterns('*.ipynb', '*.yml'))
    for o in 'site.css', 'site.js': shutil.copy(here/o, site)
    sidebar = yaml.safe_load((proc/'sidebar.yml').read_text('utf-8'))['website']['sidebar']['contents']
    pages = {}
    for nb in contents(sidebar):
        folder = Path(nb).parent
        front, md, files = notebook_md(proc/nb)
        pages[nb] = folder/front['output-file'], front, md
        for name, data in files.items():
            (site/folder/name).parent.mkdir(parents=True, exist_ok=True)
            (site/folder/name).write_bytes(data)

    order, found = list(pages.values()), []
    for i, (nb, (page, front, md)) in enumerate(pages.items()):
        nav = navigation(sidebar, page, pages)
        beside = dict(prev=i-1, next=i+1)
        around = {k: link(page, order[j][1], order[j][0], rel=k) for k, j in beside.items() if 0 <= j < len(order)}
        out = pandoc(nb, front_md(front) + md, '-t', 'html', '--standalone', '--mathml', '--toc', '--toc-depth=3', f'--template={here/"site.html"}',
            site=cfg.title, root=os.path.relpath('.', page.parent), repo=cfg.git_url, nav='\n'.join(nav), lang='en', **around)
        def to_page(m): # links between notebooks are links between their pages
            target = os.path.normpath(Path(nb).parent/m[1])
            return f'href="{os.path.relpath(pages[target][0], page.parent)}' if target in pages else m[0]
        (site/page).parent.mkdir(parents=True, exist_ok=True)
        (site/page).write_text(re.sub(r'href="([^":#]+\.ipynb)', to_page, out), 'utf-8')
        found += sections(page, out)
        if nb == cfg.readme_nb: readme(front, md)
    (site/'search.js').write_text(f'const SECTIONS = {json.dumps(found, ensure_ascii=False)}', 'utf-8') # a script can be read from a disk, too
    print(f'{len(pages)} pages in {site}')

def readme(front, md):
    "README.md from the index, byte for byte as `nbdev_readme` writes it; Quarto calls this set of extensions `gfm`"
    md = re.sub(r'^:::.*\n', '', md, flags=re.M)
    gfm = 'commonmark+autolink_bare_uris+emoji+footnotes+gfm_auto_identifiers+pipe_tables+strikeout+task_lists+tex_math_dollars'
    Path('README.md').write_text(f"# {front['title']}\n\n\n{pandoc('README.md', md, '-t', gfm, '--wrap=preserve')}", 'utf-8')

if __name__ == '__main__' and sys.argv[1:]: # a tool of nbdev's that should make links as we do
    if sys.argv[1] not in ('nbdev_readme', 'nbdev_docs'): sys.exit(__doc__)
    getattr(quarto, sys.argv.pop(1))()
elif __name__ == '__main__': # proc_nbs starts processes that import this file
    for built in proc, site: shutil.rmtree(built, ignore_errors=True)
    if shutil.which('quarto'): by_quarto()
    else: by_pandoc()
    show_demo(site)
