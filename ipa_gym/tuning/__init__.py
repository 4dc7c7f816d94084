"""Searches the hyperparameters of agents that can be trained; what ``ipa-gym tune`` calls.

Optuna proposes, our engines train: the process that asks keeps the search's database, workers get a trial and send back
what it came to. Next: `search.py`.
"""
