"""Owns the simulated vehicle: ArduCopter's protocol behaviour, a point mass in the wind, and a camera that photographs a
ship file. A process of its own (`python -m drone.sim`) or in process over a memory transport.

Never used by product code except over MAVLink and the card folder; its truth folder is read by tests and scores only.
Everything it makes says SIMULATED.
"""
