"""The demo on the front page of a built site: `python .ci/front.py [SITE]`

The page is what DEMO_PAGE names, else release/demo.html, where .ci/release.py writes it. It is in no commit;
without it, the front page stays as it is. README.md, made from the same notebook, never has it.
"""
import os, re, shutil, sys
from pathlib import Path
from mlxchat.guides.onefile import read_page

FRAME = '''<section class="talk" aria-label="A model to talk with">
<p>Talk with the model that <code>make demo</code> trains: {parameters:.1f} million parameters, computed by your
browser alone, so that nothing you type leaves this page
(<a href="demo.html">open it alone</a>, {megabytes:.1f} MB).</p>
<iframe src="demo.html" title="Chat with the model that make demo trains" loading="lazy" referrerpolicy="no-referrer"
sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox" allow="clipboard-write"></iframe>
</section>
'''

def demo_page():
    "The page to show, or None"
    if named := os.environ.get('DEMO_PAGE'):
        if not Path(named).is_file(): sys.exit(f'DEMO_PAGE is {named}, and there is no such file')
        return Path(named)
    page = Path('release/demo.html')
    return page if page.is_file() else None

def place(html):
    "Where the front page's own text goes on to its first heading: Quarto has it in a section, pandoc has not"
    main = html.find('<main')
    found = re.compile(r'(<section\b[^>]*>\s*)?<h2\b').search(html, main)
    if main < 0 or not found: sys.exit('the front page has no heading before which the demo could stand')
    return found.start()

def show_demo(site):
    "Put the demo before the first heading of a site's front page"
    index, page = site/'index.html', demo_page()
    if not page: return print('the front page has no demo: `python .ci/release.py RUN release` writes one')
    try: about = read_page(page, only_header=True)[0]['about']
    except ValueError as e: sys.exit(str(e))
    shutil.copy(page, site/'demo.html')
    html = index.read_text('utf-8')
    frame = FRAME.format(parameters=about['parameters']/1e6, megabytes=page.stat().st_size/1e6)
    index.write_text(html[:(at := place(html))] + frame + html[at:], 'utf-8')
    print(f'the front page has the demo, {page}')

if __name__ == '__main__': show_demo(Path(*sys.argv[1:] or ['_docs']))
