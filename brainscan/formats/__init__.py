"""How Django writes dates and times where no template of ours does: in the records' pages."""
