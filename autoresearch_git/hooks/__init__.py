"""Where git's hooks and coding agents meet the loop. The way in is `entry`, stdlib only.

`shell`, `policy` and the modules that it asks run before every tool call of an agent, so they
import nothing that the interpreter has not loaded already: no re, json, typing or dataclasses.
"""
