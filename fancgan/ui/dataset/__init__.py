"""The Data set tab: labelled synthetic pairs, previewed, made and taken away."""
