"""The screens: panels for JupyterLab, over the pure folders. No arithmetic here."""
