"""The Correct panel: a person's corrections of a result, kept in a project on disk.

`journal_link` writes whatever happens to a Labels layer into the project, `project_desk` holds
the open project and its layers, the other modules are tools and the panel itself.
"""
