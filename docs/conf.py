"""The site of the documentation (`make docs`): https://www.sphinx-doc.org, in Markdown by https://myst-parser.readthedocs.io.

The whole project is the source, so that a relative link leads to the same page on a code host and here.
"""

project = "stalwart-mail"
extensions = ["myst_parser"]
myst_enable_extensions = ["tasklist"]
myst_enable_checkboxes = True
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "examples/README.md", "examples/*/README.md"]
# Folders without a page are not walked through.
exclude_patterns = [
    ".*",
    "build",
    "components",
    "dist",
    "doctor",
    "offline",
    "policy",
    "tests",
    "typings",
    "**/node_modules",
    "**/.*",
]
myst_heading_anchors = 4
highlight_language = "text"

html_theme = "furo"
html_title = project
html_use_index = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# A page that is opened from a folder may not read other files, and a summary is read from one.
html_show_search_summary = False
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
templates_path = ["site"]
html_additional_pages = {"index": "index.html"}
