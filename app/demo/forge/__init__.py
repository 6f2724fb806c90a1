"""A small Git forge that speaks Gitea's dialect, run as a process of its own on loopback.

It serves the part of Gitea 1.22's API, webhooks and smart HTTP that Forgehand and its demo use, each with Gitea's
paths, fields, status codes and headers. It is for rehearsals and tests, not for hosting code.

__main__ → server → api, git_http, pages → pushes, events → discussion, views → timeline → identity → world (database,
bare). `discussion` and `views` hold how things look in JSON, `timeline` what happened to a thread.
"""
