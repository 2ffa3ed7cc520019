"""SDK for Adobe Target's Delivery API.

``TargetClient`` (threads) and ``AsyncTargetClient`` (asyncio) ask for offers and send notifications. Requests are
made of the models of ``target_delivery_api``, which import from here as well. What is imported is loaded when it is
first used.
"""
