"Check every link and anchor between the pages of `_docs`, and every link to a file of the repository; nothing is fetched"
import re, shutil, subprocess, sys, tempfile
from pathlib import Path
from nbdev.config import get_config

cfg = get_config()
with tempfile.TemporaryDirectory() as tmp:
    site = Path(tmp)/'site'
    shutil.copytree('_docs', site)
    Path(tmp).chmod(0o755) # started by root, linkchecker becomes `nobody`
    blob = rf'{re.escape(cfg.git_url)}/(?:blob|tree)/{cfg.branch}/([^"#?]*)'
    missing = []
    for page in sorted(site.rglob('*.html')):
        text = page.read_text('utf-8')
        missing += [f'{page.relative_to(site)}: {f} is not in the repository' for f in re.findall(f'href="{blob}', text) if not Path(f).exists()]
        tags = re.findall(r'<(?!span id="cb|a href="#cb)[^>]*\s(?:id|name|href|src)="[^"]*"[^>]*>', re.sub(r'src="data:[^"]*"', '', text)) # a page is read once for each of its anchors: what links, and what is linked to, is quick to read
        text = '<html><body>' + '\n'.join(dict.fromkeys(tags)) + '</body></html>'
        page.write_text(text.replace(cfg.doc_host+cfg.doc_baseurl, site.as_uri()), 'utf-8')
    (Path(tmp)/'rc').write_text('[AnchorCheck]\n[output]\nwarnings=1\n')
    checker = [Path(sys.executable).with_name('linkchecker'), f'--config={tmp}/rc', '--no-status', *sorted(site.rglob('*.html'))]
    p = subprocess.run(checker, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(re.sub(r'.*?\nStart checking.*?\n', '', p.stdout, count=1, flags=re.S).replace(site.as_uri(), '_docs'), *missing, sep='\n')
sys.exit(p.returncode or bool(missing))
