using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Asks a job's own selection, beside the dispatcher's loop, and the more seldom the less comes of it: what it names for ever in
/// vain must not keep the database busy.
/// </summary>
internal sealed class JobSelection(TaskStore store, TimeProvider time)
{
    private const int Rarity = 4;
    private const int VainBeforeTold = 2;
    private static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Hopeless = TimeSpan.FromSeconds(90);

    private readonly AsideCall<Named> call = new(time);
    private int asked;
    private int wanted;
    private int margin;
    private long answeredAt;
    private int inVain;
    private long restsSince;
    private TimeSpan rest;
    private bool isHastened;

    /// <summary>Whether it is at it, or its answer was not looked at yet.</summary>
    public bool IsUnderWay => call.IsUnderWay;

    /// <summary>What is wrong with what it names; null: nothing.</summary>
    public string? Trouble => inVain >= VainBeforeTold ? "its Select names only records that cannot be reserved" : null;

    /// <summary>Whether it was told that it names texts that are no keys.</summary>
    public bool IsMisfitTold { get; set; }

    /// <summary>Whether it was told of a record that is locked or refused.</summary>
    public bool IsRefusalTold { get; set; }

    /// <summary>
    /// Whether it is not asked now. Where something is new it is asked at once, but for one whose answers came to nothing: that one
    /// after a second.
    /// </summary>
    public bool Rests(bool isWoken)
    {
        isHastened |= isWoken;
        var left = !isHastened ? rest : inVain == 0 ? TimeSpan.Zero : ShortestRest;
        return !IsUnderWay && left > TimeSpan.Zero && time.GetElapsedTime(restsSince) < left;
    }

    /// <summary>Something was given back that it may name.</summary>
    public void Hasten() => isHastened = true;

    /// <summary>What it names; null: it is still at it.</summary>
    /// <param name="max">How many records are wanted.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="SnippetException">It fails, or does not end although it was told to.</exception>
    public async Task<Named?> AskAsync(int max, CancellationToken stopping)
    {
        if (!IsUnderWay)
        {
            wanted = max;
            asked = (int)Math.Min(Limits.NamedRows, (long)max + margin);
            isHastened = false;
            call.Begin(() => store.SelectAsync(asked, time, stopping));
        }
        var named = await call.AnswerAsync(stopping);
        if (named is null && IsUnderWay && time.GetElapsedTime(call.BeganAt) >= Hopeless)
            throw new SnippetException("its Select does not end, although it was told to after a minute");
        if (named is not null) answeredAt = time.GetTimestamp();
        return named;
    }

    /// <summary>An answer was used. Says whether there may be more at once.</summary>
    /// <param name="named">How many rows it had, whether they name a record once or again.</param>
    /// <param name="reserved">How many records were reserved by it.</param>
    /// <param name="isInVain">Whether none of them can be.</param>
    public bool Settle(int named, int reserved, bool isInVain)
    {
        restsSince = time.GetTimestamp();
        inVain = isInVain ? inVain + 1 : 0;
        var isFull = WidensFor(named, reserved, isInVain) || (reserved > 0 && named >= asked);
        var rarely = Rarity * time.GetElapsedTime(call.BeganAt, restsSince);
        rest = inVain > 0 ? ShortestRest * Math.Pow(2, Math.Min(inVain - 1, 10))
            : isFull ? TimeSpan.Zero
            : named > 0 && reserved == 0 && rarely < ShortestRest ? ShortestRest
            : rarely;
        if (rest > LongestRest) rest = LongestRest;
        return isFull;
    }

    /// <summary>
    /// What workers have in hand, or what waits for its time, may be named before what is due: then it is asked for more than there is room for, or it
    /// would name the same few for as long as they are held, and workers would stand idle. Says whether it is to be asked for more at once.
    /// </summary>
    private bool WidensFor(int named, int reserved, bool isInVain)
    {
        // To look at so many keys keeps the leader from everything else.
        if (time.GetElapsedTime(answeredAt, restsSince) > LongestTurn) margin /= 2;
        else if (reserved >= wanted) margin -= (margin + 7) / 8;
        else if (!isInVain && named >= asked && asked < Limits.NamedRows)
        {
            margin = Math.Min(Limits.NamedRows, Math.Max(wanted, 2 * margin));
            return true;
        }
        return false;
    }

    /// <summary>Whether it is to be told now that its answers come to nothing.</summary>
    public bool IsTroubleNew => inVain == VainBeforeTold;

    public void Reset()
    {
        inVain = margin = 0;
        rest = TimeSpan.Zero;
    }
}
