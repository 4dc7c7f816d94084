"""The commands of ``ipa-gym``, a file each. Their heavy imports are inside the functions: ``--help`` stays fast."""
