"Check every link and anchor between the pages of `_docs`, and every link to a file of the repository; all offline"
import re, sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit
from nbdev.config import get_config

cfg, site = get_config(), Path('_docs')
blob = f'{cfg.git_url}/blob/{cfg.branch}/', f'{cfg.git_url}/tree/{cfg.branch}/'
home = f'{cfg.doc_host}{cfg.doc_baseurl}'

def attributes(text, *names):
    "Their values in the tags of a page, not in its scripts"
    text = re.sub(r'<(script|style)\b([^>]*)>.*?</\1>', r'<\1\2>', text, flags=re.S)
    for tag in re.findall(r'<\w[^>]*>', text):
        for name, _, value in re.findall(r'''\s([\w-]+)=(["'])(.*?)\2''', tag):
            if name in names: yield unescape(value)

pages = {p: p.read_text('utf-8') for p in sorted(site.rglob('*.html'))}
anchors = {p.resolve(): {*attributes(text, 'id', 'name')} for p, text in pages.items()}

def broken(page, link):
    "Why a link leads nowhere, '' if it leads somewhere or out of here"
    if link.startswith(blob):
        file = unquote(urlsplit(link).path.split(f'/{cfg.branch}/', 1)[1])
        return '' if Path(file).exists() else 'not in the repository'
    url = urlsplit(link)
    if link.startswith(home): path = site/unquote(link[len(home):].partition('#')[0]).lstrip('/')
    elif url.scheme or url.netloc: return ''
    else: path = page.parent/unquote(url.path) if url.path else page
    if path.is_dir(): path = path/'index.html'
    if not path.exists(): return 'no such file'
    known = anchors.get(path.resolve())
    return '' if not url.fragment or known is None or unquote(url.fragment) in known else 'no such place on that page'

found = [f'{page}: {link}: {why}' for page, text in pages.items()
    for link in dict.fromkeys(attributes(text, 'href', 'src')) if (why := broken(page, link))]
print(*found, f'{len(pages)} pages, {len(found)} dead links', sep='\n')
sys.exit(not pages or bool(found))
