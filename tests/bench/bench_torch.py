#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_torch.py - the trainer's step written in PyTorch: the same network, quantiser,
losses, balancer and optimiser on the same sizes, eager and by torch.compile. Rows for the
table of gpu.sh, to hold the device trainer's speed against.

    bench_torch.py [--seconds S] [--smoke]      exit status 77: no torch, or no GPU

--smoke: small and on the CPU, to see that it runs; its times are not shown. bf16 is
autocast around the two networks; quantiser, sums and losses stay in fp32, as in the
trainer. fp32 is without TF32, likewise. Batches come from pinned memory. Only the way back
into the clamp (kernels/ops/head.h) is not there.

Shapes: B items, T packets of 320 samples, C channels; sounds (B, (2 T + 1) 160).
"""
import argparse
import math
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    print("bench_torch: no torch here", file=sys.stderr)
    sys.exit(77)

HOP, LEAD, TAIL, STAGES, CODES, LATENT = 160, 120, 120, 16, 1024, 128
DIMS = [32] * 4 + [8] * 12
DECAY, DEAD, REBORN = 0.99, 0.03, 0.08
COMMIT, SIZE = 0.25, 0.15
SHARE, WEIGHT = (0.50, 0.485, 0.015), (1.0, 6.0, 1.0)    # of mel, cpx, wave


def mdct_basis():
    """(160, 320): orthonormal, with the window of kernels/ops/mdct.h."""
    t = torch.arange(2 * HOP, dtype=torch.float64)
    k = torch.arange(HOP, dtype=torch.float64)[:, None]
    up = torch.sin(math.pi / 2 * torch.sin(math.pi * (t[40:120] - 39.5) / 160) ** 2)
    window = torch.cat([torch.zeros(40), up, torch.ones(80), up.flip(0), torch.zeros(40)])
    basis = math.sqrt(2 / HOP) * torch.cos(math.pi / HOP * (t + .5 + HOP / 2) * (k + .5))
    return (basis * window).float()


class Block(nn.Module):
    """ConvNeXt over packets: causal depthwise convolution, norm, twice as wide, back."""

    def __init__(self, c, k=7):
        super().__init__()
        self.k, self.dw, self.norm = k, nn.Conv1d(c, c, k, groups=c), nn.LayerNorm(c)
        self.up, self.down = nn.Linear(c, 2 * c), nn.Linear(2 * c, c)
        self.scale = nn.Parameter(torch.full((c,), .5))

    def forward(self, x):
        y = self.dw(F.pad(x.transpose(1, 2), (self.k - 1, 0))).transpose(1, 2)
        return x + self.scale * self.down(F.gelu(self.up(self.norm(y)), approximate="tanh"))


class Stage(nn.Module):
    """A codebook that follows the mean of what is assigned to it; dead codes go to
    random rows. Nothing here waits for the device."""

    def __init__(self, dim):
        super().__init__()
        self.into, self.out = nn.Linear(LATENT, dim), nn.Linear(dim, LATENT)
        self.register_buffer("book", torch.randn(CODES, dim))
        self.register_buffer("count", torch.ones(CODES))
        self.register_buffer("total", torch.randn(CODES, dim))

    def learn(self, z, index, use):
        w = 1 - DECAY
        n = torch.zeros_like(self.count).index_add_(0, index, use)
        s = torch.zeros_like(self.total).index_add_(0, index, z * use[:, None])
        count, total = DECAY * self.count + w * n, DECAY * self.total + w * s
        fair = use.sum() / CODES
        dead = count < DEAD * fair
        row = z[torch.randint(0, len(z), (CODES,), device=z.device)]
        row = row + 1e-3 * torch.randn_like(row)
        count = torch.where(dead, REBORN * fair, count)
        total = torch.where(dead[:, None], row * count[:, None], total)
        self.book.copy_(total / (count[:, None] + 1e-6))
        self.count.copy_(count)
        self.total.copy_(total)

    def forward(self, r, use):
        """r (B, T, LATENT), use (B, 1): 1 where the item reaches this stage"""
        z = self.into(r)
        flat = z.detach().reshape(-1, z.shape[-1])
        with torch.no_grad():
            index = ((self.book ** 2).sum(1) - 2 * flat @ self.book.T).argmin(1)
            self.learn(flat, index, use.expand(z.shape[:2]).reshape(-1))
            q = self.book[index].reshape(z.shape)
        return self.out(z + (q - z).detach()), z, q


class Codec(nn.Module):
    def __init__(self, enc=256, dec=320, enc_blocks=3, dec_blocks=5):
        super().__init__()
        self.register_buffer("basis", mdct_basis())
        self.into, self.to_latent = nn.Linear(4 * HOP, enc), nn.Linear(enc, LATENT)
        self.enc = nn.Sequential(*[Block(enc) for _ in range(enc_blocks)])
        self.stages = nn.ModuleList([Stage(d) for d in DIMS])
        self.from_latent = nn.Linear(LATENT, dec)
        self.dec = nn.Sequential(*[Block(dec) for _ in range(dec_blocks)])
        self.value, self.log_scale = nn.Linear(dec, 2 * HOP), nn.Linear(dec, 2 * HOP)

    def forward(self, x, stages, half):
        """x (B, (2 T + 1) 160), stages (B) -> its sound, likewise, and what the quantiser
        adds to the loss"""
        batch, cast = len(x), lambda: torch.autocast(x.device.type, torch.bfloat16, half)
        c = (x.unfold(1, 2 * HOP, HOP) @ self.basis.T).reshape(batch, -1, 2 * HOP)
        size = c.abs()
        f = torch.cat([3 * torch.sign(c) * (size + 1e-6).sqrt(),
                       .2 * torch.log(size + 1e-4) + 1], -1)
        with cast():
            r = self.to_latent(self.enc(self.into(f)))
        r = r.float()
        total, added, energy = torch.zeros_like(r), 0., None
        for i, stage in enumerate(self.stages):
            use = (stages > i).float()[:, None]
            e, z, q = stage(r, use)
            if energy is None:
                energy = 1 / (z.detach().square().mean((1, 2)) + 1e-3)
            error, power = (z - q).square().mean((1, 2)), z.square().mean((1, 2))
            added = added + ((COMMIT * error * energy + SIZE * power) * use[:, 0]).mean()
            total, r = total + e * use[..., None], r - e * use[..., None]
        with cast():
            h = self.dec(self.from_latent(total))
            v, s = self.value(h), self.log_scale(h)
        y = (v.float() * torch.exp(s.float().clamp(-8, 3))).reshape(batch, -1, HOP) @ self.basis
        a, b = y[..., :HOP].reshape(batch, -1), y[..., HOP:].reshape(batch, -1)
        return F.pad(a, (0, HOP)) + F.pad(b, (HOP, 0)), added


def mel_matrix(n, mels):
    """(mels, n / 2 + 1): triangles."""
    top = 2595 * math.log10(1 + 8000 / 700)
    e = 700 * (10 ** (torch.linspace(0, top, mels + 2, dtype=torch.float64) / 2595) - 1)
    f = torch.linspace(0, 8000, n // 2 + 1, dtype=torch.float64)
    up = (f - e[:-2, None]) / (e[1:-1] - e[:-2])[:, None]
    down = (e[2:, None] - f) / (e[2:] - e[1:-1])[:, None]
    return torch.clamp(torch.minimum(up, down), min=0).float()


def spectra(device):
    return [(n, torch.hann_window(n, device=device), mel_matrix(n, m).to(device))
            for n, m in ((128, 20), (512, 60), (1024, 80))]


def losses(x, y, scales):
    """mel, cpx and wave, as in trainer/net/loss.h"""
    mel = cpx = 0.
    for n, w, m in scales:
        X, Y = (torch.view_as_real(torch.stft(s, n, n // 4, window=w, center=False,
                                              return_complex=True)) for s in (x, y))
        px, py = (Z.square().sum(-1) + 1e-8 for Z in (X, Y))
        mel = mel + (torch.log(m @ py.sqrt() + 1e-4) -
                     torch.log(m @ px.sqrt() + 1e-4)).abs().mean()
        cpx = cpx + (Y * (py ** -.35)[..., None] - X * (px ** -.35)[..., None]).abs().mean()
    wave = ((x - y).square().sum(1) / (x.square().sum(1) + 1e-3) + 1e-4).sqrt().mean()
    return mel / len(scales), cpx / len(scales), wave


class Trainer:
    def __init__(self, device, half, compiled):
        torch.manual_seed(1)
        self.net, self.device, self.half = Codec().to(device), device, half
        matrix = [p for p in self.net.parameters() if p.ndim > 1]
        vector = [p for p in self.net.parameters() if p.ndim <= 1]
        self.opt = torch.optim.AdamW([{"params": matrix, "weight_decay": .01},
                                      {"params": vector, "weight_decay": 0.}],
                                     lr=1e-4, betas=(.8, .99), fused=True)
        self.scales, self.size = spectra(device), torch.zeros(3, device=device)
        self.weight, self.share = (torch.tensor(v, device=device) for v in (WEIGHT, SHARE))
        self.run, self.losses = self.net, losses
        if compiled:
            # one backward pass for each of three losses
            torch._functorch.config.donated_buffer = False
            self.run = torch.compile(self.net, dynamic=False)
            self.losses = torch.compile(losses, dynamic=False)

    def step(self, host, stages):
        x = host.to(self.device, non_blocking=True)
        y, added = self.run(x, stages.to(self.device, non_blocking=True), self.half)
        end = x.shape[1] - TAIL                # beyond, a neighbour is missing
        sound = x[:, LEAD:end]
        leaf = y.detach()[:, LEAD:end].requires_grad_()
        terms = self.losses(sound, leaf, self.scales)
        g = [torch.autograd.grad(t, leaf, retain_graph=True)[0] for t in terms]
        level = sound.norm(dim=1)
        now = torch.stack([(d.norm(dim=1) * level).mean() for d in g])
        self.size = torch.where(self.size > 0, .99 * self.size + .01 * now, now)
        k = self.share * (self.weight * self.size).sum() / (self.size + 1e-12)
        dy = torch.zeros_like(y)
        dy[:, LEAD:end] = k[0] * g[0] + k[1] * g[1] + k[2] * g[2]
        self.opt.zero_grad(set_to_none=True)
        torch.autograd.backward([y, added], [dy, torch.ones_like(added)])
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.)
        self.opt.step()
        return terms[0]


def batches(B, T, pinned):
    """Four, each of glides and noise, with stages as the trainer draws them."""
    out, t = [], torch.arange((2 * T + 1) * HOP) / 16000
    for i in range(4):
        torch.manual_seed(i)
        f = 100 + 200 * torch.rand(B, 1)
        x = .1 * torch.sin(2 * math.pi * f * t * (1 + t)) + .01 * torch.randn(B, len(t))
        stages = torch.randint(1, STAGES + 1, (B,))
        stages[:B // 2] = (3 * STAGES + 3) // 4
        out.append((x.pin_memory(), stages.pin_memory()) if pinned else (x, stages))
    return out


def row(half, compiled, B, T, device, seconds):
    where = "%s, %s, batches of %d x %.1f s" % ("torch.compile" if compiled else "eager",
                                                "bf16" if half else "fp32", B, .02 * T)
    gpu = device.type == "cuda"
    wait = torch.cuda.synchronize if gpu else lambda: None
    try:
        trainer, data = Trainer(device, half, compiled), batches(B, T, gpu)
        begin = time.time()
        for i in range(6 if gpu else 2):       # compiles, and chooses algorithms
            mel = trainer.step(*data[i % 4])
        wait()
        warm, begin, steps = time.time() - begin, time.time(), 0
        while time.time() - begin < seconds or not steps:
            for i in range(10 if gpu else 1):
                mel = trainer.step(*data[i % 4])
            steps += 10 if gpu else 1
            wait()
        took = time.time() - begin
        mel = mel.item()
        if not math.isfinite(mel):
            raise RuntimeError("mel is %f" % mel)
        result = "**%.0f** (%.2f ms a step, %d steps, mel %.2f at the end, %.0f s to warm up)" % (
            .02 * T * B * steps / took, 1e3 * took / steps, steps, mel, warm)
    except Exception as e:                     # out of memory, a compiler's own trouble
        print("bench_torch: %s: %s" % (where, e), file=sys.stderr)
        print("| PyTorch %s, s of speech per s | %s | failed |" % (torch.__version__, where),
              flush=True)
        return 1
    if not gpu:
        result = "CPU, not a GPU"
    print("| PyTorch %s, s of speech per s | %s | %s |" % (torch.__version__, where, result),
          flush=True)
    return 0


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--seconds", type=float, default=3.)
    a.add_argument("--smoke", action="store_true")
    a = a.parse_args()
    if a.smoke:
        torch.set_num_threads(1)
        return row(False, False, 2, 6, torch.device("cpu"), 0.)
    if not torch.cuda.is_available():
        print("bench_torch: torch sees no GPU", file=sys.stderr)
        return 77
    device, failed = torch.device("cuda"), 0
    for half, compiled, B in ((True, False, 256), (True, True, 256), (False, False, 256),
                              (False, True, 256), (True, False, 16), (False, False, 16)):
        failed |= row(half, compiled, B, 50, device, a.seconds)
        torch.cuda.empty_cache()
    return failed


if __name__ == "__main__":
    sys.exit(main())
