"""The Segment tab: micrographs come in, their particles are outlined, corrected and measured."""
